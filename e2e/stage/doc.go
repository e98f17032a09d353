// Package stage is what the end-to-end tests play on: gateway processes behind a load balancer, a real Redis, the simulator in
// Spotify's place, visitors with cookies, crowds of them, and a browser.
//
// A package of tests has a TestMain with Main, which builds the program. A test makes a World, with Options for what it wants
// otherwise, and lets a Visitor act:
//
//	w := stage.NewWorld(t, stage.Options{Replicas: 2, Quota: "cache: 0"}) // each call shall be seen
//	v := w.Visitor()
//	v.Login("ada")
//	v.Get("/api/me").Expect(t, "a call", http.StatusOK, "")
//
// Everything ends with the test. Chromium, Act, Read and Evaluate work a real browser. A test that takes more than some
// seconds begins with OnlyLong; of a corpus that the handlers' tests try as a whole, Tenths are enough.
package stage

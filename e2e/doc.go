// Package e2e holds the tests that see Stagedoor as its users do. Those in which somebody means harm are in attack, those in
// which something breaks under load in fault, and what they all play on in stage.
package e2e

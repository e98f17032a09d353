// Package frontend has tests of what frontend developers use: the npm package, installed as they would install it, and the
// folder examples/, in a browser before `stagedoor demo`. They install from the npm registry, so they only run when tests are
// to be long.
package frontend

// Package attack holds the tests in which somebody means harm: forged requests, hostile upstreams, other sites, floods, and who
// reads what is written. What they promise stands in docs/threat-model.md.
package attack

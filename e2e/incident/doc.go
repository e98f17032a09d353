// Package incident makes incidents, and checks that the alert of each calls somebody and that its runbook ends it.
package incident

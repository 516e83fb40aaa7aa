// Package attack draws up the directory of a synthetic market for the informed
// attacker of package redteam: every listing of every employer with all its
// facts and its site, and who could work with whom.
package attack

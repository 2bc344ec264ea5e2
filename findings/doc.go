// Package findings holds what was found in one revision of a study, as values with their JSON: the text that the ledger keeps, that
// findings.json is, and that every surface reads. It is a leaf: it knows nothing of how findings come about or of what is made of them.
package findings

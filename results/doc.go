// Package results turns an examination into the DICOM objects that go to destinations: it is where the pipeline's values meet dicomout's.
//
// It promises that the same examination under the same settings and networks gives the same objects, UIDs included, whatever the day and
// the machine: every setting that shapes objects has its word in [Maker], and that word is part of their UIDs. It knows neither the
// configuration file nor any association; of the ledger it asks what a revision replaces.
package results

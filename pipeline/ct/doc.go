// Package ct makes one volume in Hounsfield units out of the instances of a
// study, or says why it cannot.
//
// ReadHeaders reads what an instance says about itself and refuses it, with the
// broken element by name, if it cannot be part of an axial CT volume.
// ComparePixels looks whether slices at one place are copies. Select sorts the
// usable instances into stacks of parallel planes and chooses one; Load decodes
// the chosen stack, checks that lungs are in it and returns a Volume. Every
// instance, series and slice that is left out has a Refusal.
//
// Promises: stored values are never taken for Hounsfield units; positions along
// the normal of the slices are the only order of a stack (SliceLocation, file
// names and the order of arrival are not looked at); two acquisitions, phases,
// energies, reconstructions or patients never share a volume, nor do two frames
// of reference that mean something: what parts the slices of one series is found
// by trying which element leaves whole scans, InstanceNumber the last, and is
// named with its values; scans that nothing tells apart are refused. The
// distance of planes is measured, SliceThickness is not believed; the same
// instances give the same volume in whatever order they come, save that of a
// slice that came twice under one UID the later copy is used.
//
// The package knows files through dataset and pixels through pipeline/codec,
// and nothing of the ledger, the networks or the objects that are sent back.
// Geometry: PS3.3 C.7.6.2.1.1 (Image Plane), CT: C.8.2.1, Enhanced CT: C.8.15.
package ct

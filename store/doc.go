// Package store is how the node sees its files, received instances and result objects, wherever they lie. Who needs a file says its
// name; which folder, disk or service that is, the [Store] alone knows.
//
// It promises that a file is under its name whole or not at all; that after [Staged.Commit] content and name outlive a power
// cut; that names, checked by [CheckName], lead nowhere but into the store; and that errors tell a fault of the store ([Error])
// from everything else.
//
// It must know nothing of DICOM, nor of what the files mean. Package disk keeps them in a folder; package storetest is what every
// store must pass.
package store

// Package disk is the store in a folder of a local disk: the name of a file is its path below the folder, as it has always been in
// data_dir, so that a human finds what the ledger names.
//
// A file is staged in a folder of this process, and is committed in this order: content, the folders of its name, the name, its
// folder. Its cost is one sync of the file and one of the folder. What a process that died had staged is removed when the next opens
// the store: on a disk of this machine a lock on its folder tells the dead from the living; in a folder that machines share each names
// itself as the owner, and takes away what was its own, and of others what is a day old.
package disk

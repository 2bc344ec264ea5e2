// Package durable makes files and names that outlive a power cut. What a function has done is on the medium when it returns
// without error, as far as the operating system can tell; after an error nothing is promised.
//
// A file lasts when its content, its name, and the names of the folders above it do. [Sync] sees to the content, [SyncFolder] to the names
// in a folder, [Folder] to a folder and those above it; whoever writes many files into one folder syncs it once.
package durable

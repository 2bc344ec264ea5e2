// Package scu runs errands to another DICOM node, as what the standard calls a service class user: is it there (C-ECHO, PS3.4 annex A),
// and does it store these files, as they are (C-STORE, PS3.4 annex B)? It changes no byte of a file. Results of the node go their own
// way, through dicomout.
package scu

// Package s3 is the store in a bucket of an S3-compatible service: the name of a file is its key, behind a prefix.
//
// What is written carries digests of its pieces in the object's metadata, and no byte is given to a reader that they do not vouch for: a
// service that lost, cut or changed what it said it had is found out, whichever part of a file is read. A reader of a header costs
// one small request; one who goes on gets the rest in large ones. Every request is bounded, tried again a few times where that may
// help, and its errors say in an operator's words whether the service is away, slow, refuses, is full or lies.
//
// It promises what the service promises: some answer before they have synced. Who must not lose a file keeps it until then (package tier).
package s3

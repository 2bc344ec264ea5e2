// Package dimse is a DICOM upper layer (PS3.8) and message service (PS3.7) for both roles: a Server that accepts
// associations and answers C-ECHO, C-STORE, N-ACTION and N-EVENT-REPORT, and a Dialer that opens them and sends the same.
//
// Data sets are streams in both directions: StoreRequest.Body reads from the connection through one buffer per association,
// and StoreCommand.Body is read as it is sent, so that memory does not grow with the size of an instance.
//
// Every wait has a limit (Timeouts), every length is checked before it is used, and a peer that breaks the rules gets the
// A-ABORT or A-ASSOCIATE-RJ that table 9-10 of PS3.8 asks for (state.go). One goroutine owns an association; the methods of
// a Handler are never called twice at the same time for one association.
//
// The package knows nothing of what is stored, of files or of any product: who may come in is Server.Admit, what is taken
// is Server.Accept, what happens to it is Handler.
package dimse

// Package dimse is a DICOM upper layer (PS3.8) and message service (PS3.7) for both roles: a Server that accepts
// associations and answers C-ECHO, C-STORE, N-ACTION and N-EVENT-REPORT, and a Dialer that opens them and sends the same.
// Example_scp is an acceptor in twenty lines, Example_scu a requestor in fifteen.
//
// # Model
//
// An association is a TCP (or TLS) connection on which two application entities have agreed on presentation contexts: pairs of
// a SOP class (the abstract syntax) and a transfer syntax, numbered by the requestor. A message is a command set, and a data
// set if the command says so, both on one context. Each request gets one response, with a Status; one request is under way at a
// time, since the asynchronous operations window is answered with 1/1.
//
// What one application entity does is answered in three places, by functions over values:
//
//   - Server.Admit: who may come in, judged by Requestor: titles, address, certificate, user identity. A *Rejection is the
//     A-ASSOCIATE-RJ to send.
//   - Server.Accept: what is taken, context by context. Offer is a table that does.
//   - Server.Handler: what happens to messages. StoreFunc is one for storage alone; a Handler that is an Actor too performs
//     N-ACTION, one that is an EventReceiver takes N-EVENT-REPORT, one that is an Opener hears of each association first.
//
// A requestor has a Dialer, whose Dial gives a Conn: Echo, Store, Action, Report, and Release or Abort at the end. An acceptor
// reports on the association of its peer by Association.Report.
//
// # Data sets
//
// Data sets are streams in both directions: StoreRequest.Body reads from the connection through one buffer per association,
// and StoreCommand.Body is read as it is sent, so that memory does not grow with the size of an instance. They are bytes in the
// transfer syntax of the context, without file meta information; the package never looks inside. StoreRequest.Body ends with
// io.EOF only if all of it is there. What a Handler leaves unread is read and dropped.
//
// # Goroutines and time
//
// One goroutine owns an association. The methods of a Handler are never called twice at the same time for one association, and
// are for several; while one runs, its association waits. The methods of a Conn may be called by many goroutines and wait for
// each other. Every wait has a limit (Timeouts), every length is checked before it is used, and ends of contexts are heeded: that
// of Server.Serve lets associations finish first, that of a Conn's method aborts.
//
// # Errors
//
// A peer that breaks the rules gets the A-ABORT or A-ASSOCIATE-RJ that table 9-10 of PS3.8 asks for (state.go), and what comes
// in is never the cause of a panic; one in a Handler is logged and answered with 0110H. Ends of associations are *AbortError,
// *TimeoutError, ErrConnectionLost, ErrShutdown and errors of the transport; refusals are *Rejection. That Conn.Store returns no
// error says that there is a response: whether the instance is stored says its Status, and Status.Class what it means.
//
// # Limits
//
// Server.MaxAssociations and MaxAssociationsPerPeer are answered with 2/3/2, a Server that stops with 2/3/1. A thousand connections
// without an association may be open beside them; beyond, the oldest is closed. Server.MinRate ends data sets that trickle.
//
// The package knows nothing of what is stored, of files or of any product. Query, retrieve and the other services of PS3.7 are
// answered with 0211H. The packages below it are of use alone: pdu turns bytes into PDUs and command sets and back, secure is TLS
// as PS3.15 B.12 wants it, and probe plays what may come in to any acceptor.
package dimse

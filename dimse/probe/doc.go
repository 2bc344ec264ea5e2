// Package probe puts an acceptor of associations to the protocol cases that good peers, careless ones and strangers bring:
// every PDU in every state, requests and messages at the edges of the standard and beyond them, slow and silent connections.
//
// It is independent of the package that it mostly tests: it builds every byte itself, from PS3.8 section 9.3, PS3.7 annexes D
// and E and PS3.5 section 7, and looks at nothing but what comes back over TCP. So any acceptor can be put to it:
//
//	go run ./bench/protocol -address host:port -called TITLE
//
// A Case has an input, the answers that the standard allows, the one that jcsnode gives first, and the paragraph they come
// from. After each case a good peer must be served.
package probe

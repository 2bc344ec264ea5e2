// Package access decides who may look at the page and who may act: accounts and their passwords, sessions, a proxy that vouches for
// somebody, the names under which the page may be called, and how often a login may be tried. It shows nothing and knows nothing of a
// node.
//
// It promises that nobody is let in by default: there is no account but those that an operator made, a header is believed from a named
// proxy alone, and a request for another machine's name is not answered.
package access

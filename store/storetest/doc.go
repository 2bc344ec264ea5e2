// Package storetest is what every store must pass: [Run] is called from the tests of a store, which knows how to break it.
package storetest

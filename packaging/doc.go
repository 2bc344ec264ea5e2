// Package packaging holds what installs the program: the layout (stage), the unit, the scripts of deb and rpm (nfpm.yaml) and the base
// of the container image; build makes all of them, with tools of a module of their own, so that the program's go.mod names only what the
// program needs.
package packaging

// Package archive builds small, signed Debian archives and root directories for
// tests: everything that apt needs in order to find, check, download and
// install packages without the network and without touching the machine.
//
// A Repository is a directory with a pool and suites; Publish writes a suite's
// index files and signs them with a key made for the repository. Packages are
// built here, in Go, byte for byte the same for the same input, so that only gpg
// is needed (CanSign), and a test of the catalogue runs on a machine without
// apt. A Root is a directory in which apt and dpkg work as
// if it were a machine; it needs both, and root or fakeroot
// (Available).
//
// Publish may be called again with other packages: the suite then has changed
// as a real archive changes. Values are not safe for concurrent use.
package archive

// Package content keeps the payload files of updates.
//
// # The store
//
// A Store is a directory that nothing else writes to:
//
//	sha256/ab/abcd...   the files, by the SHA-256 of what is in them
//	sha1/cd/cdef...     for each file known by its SHA-1, the name of the above
//	incoming/           what has not been verified yet; emptied when the store is opened
//	damaged/            what Verify found to have changed
//
// The names are the index: there is no other, so nothing can disagree with it. A
// file becomes visible by being renamed into sha256/, after its bytes were
// written through to the disk and its digests were found to be those that the
// metadata states. What is there under its name is therefore complete and right,
// whenever the process died; what was not finished is done again.
//
// Microsoft names files by SHA-1. Where the metadata states a SHA-256 too, both
// must fit, for SHA-1 alone can be forged.
//
// # Carrying content in
//
// Import takes in a content directory of WSUS, as it is copied beside a package
// of wsusutil export: WsusContent/<XX>/<SHA-1 in hexadecimal>.<extension>
// (offline-catalogues C.3). A name says only which file to expect: the file is
// hashed, and left out, by name, when it is not what it is called. Names from the
// tree are never used as paths in the store. Links and devices are not followed
// or opened, only a few levels of folders are looked into, and the tree is read
// through an os.Root, so nothing outside of it is ever opened. An import can be
// stopped at any time, and goes on where it was when it is started again.
//
// # Concurrency
//
// One process holds a store, by a lock. Within it everything may be called from
// several goroutines; Import, Verify and Prune wait for each other. No goroutine
// is started.
package content

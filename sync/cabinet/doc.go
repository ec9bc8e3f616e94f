// Package cabinet reads and writes Microsoft cabinet files: the containers of
// the offline scan catalogue and of `wsusutil export` packages
// (offline-catalogues B.2).
//
// A cabinet is a directory and some folders. A folder is one stream, cut into
// blocks of 32 KiB and packed as a whole: stored, MSZIP or LZX. A file is a
// stretch of one folder's stream. So a file in the middle of a packed folder
// costs everything before it: Walk, which goes through a folder once, is the way
// to read; Open is for a single file, and ReaderAt for the files of stored
// folders, which need no unpacking at all (a cabinet within a cabinet).
//
// # Hostile input
//
// Nothing that a cabinet says about itself is believed. The directory is checked
// against the size of the file before anything is allocated for it, and against
// Limits; the memory of a reader is its window (at most 4 MiB) and one block,
// whatever the headers claim. Every block is held to its checksum where it has
// one (0 means that it has none), and the unpacked bytes to the lengths that
// block and directory state. Files that overlap, which no writer makes but which
// turn a small cabinet into a large tree, are refused. Damage is an error that
// wraps ErrDamaged, never a panic and never a silent gap.
//
// A name is text: it is cleaned so that names can be compared and shown, and
// must never be used as a path.
//
// Refused with words: sets of several cabinets, Quantum and unknown methods
// (ErrUnsupported), and whatever is beyond the limits (ErrLimit).
//
// # Concurrency
//
// A Cabinet does not change after Open: any number of goroutines may walk it and
// open its files at the same time, each over its own decoder. The io.ReaderAt
// that it reads from must allow that, as files do. No goroutine is started.
// The caller keeps the io.ReaderAt open as long as the Cabinet is used, and
// closes it.
//
// The same input and options always write the same bytes.
package cabinet

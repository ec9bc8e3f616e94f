// Package store keeps everything that Fettle keeps, in one Badger directory,
// and answers questions about it from memory.
//
// # Who may write
//
// One process holds the directory (Badger's lock); inside it one goroutine, the
// writer, makes every write. Callers hand it operations and wait; operations
// that arrive together are committed together (group commit), each whole or not
// at all. A write is acknowledged only after it is on the disk (SyncWrites).
//
// # How to read
//
// Snapshot gives an immutable view numbered by the change sequence: the whole
// catalogue in list form, computers, groups, approvals and counts, in memory.
// Taking one costs nothing, and it never changes under the reader. What lists do
// not need (descriptions, packages, inventories) is read from the disk by key,
// through methods that return an error; such a read sees the newest value, which
// may be newer than the snapshot. Watch tells when a newer snapshot exists.
//
// Open returns before the catalogue is in memory, so that a console can draw its
// first frame; Loaded closes when it is. Until then Snapshot.Loaded is false and
// lists are empty; writers wait.
//
// # Facts and decisions
//
// Facts (what an upstream published, what a computer reported) arrive through
// Import, Withdraw and Record. Decisions arrive as model.Change through Check,
// Plan, Make and Undo; each is in the journal, chained by hashes, with its head
// signed by a key outside the Badger directory.
//
// # Key layout
//
// One letter for the kind, then fixed-width big-endian numbers or the text
// identifier as the last field, so that byte order is sort order and no key is
// ambiguous. Every value begins with one format byte (codec.go).
//
//	m<name>               schema, seq, setup, settings, declined, head, next
//	u<number:4>           model.Update, newest revision
//	i<update id>          number of the update
//	v<number:4><rev:4>    model.Revision
//	k<category id>        model.Category
//	s<upstream name>      model.Upstream
//	a<upstream name>      the upstream's anchor, opaque
//	r<run:8>              model.SyncRun
//	g<group id>           model.Group
//	d<deployment:8>       model.Deployment
//	c<number:4>           model.Computer
//	p<computer id>        number of the computer
//	n<number:4>           model.Inventory, compressed
//	t<number:4>           model.Status
//	j<sequence:8>         model.Entry
//
// Counts are not on the disk: they are rebuilt from the status records when the
// store is opened and kept current after that; Verify compares them with a
// recount.
package store

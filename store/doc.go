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
// signed by a key outside the Badger directory. A change that the options want a
// second person to see is kept as a proposal: Make gives *model.AwaitingConsent,
// Consent makes it, Reject ends it.
//
// Automatic approval rules are decisions that decide: RunOf says what a rule
// would approve, RunRules lets the enabled ones look once at what has arrived
// since it was called last. The mark of how far they have looked is in the
// transaction of what they approved.
//
// A revision of an approved update may raise an alarm and hold approvals back
// at the revision before. Which approvals are held follows from the numbers of
// their deployments, so that approving again ends a hold and undoing brings it
// back.
//
// What cleanup removes is gone with one record, the list of what was removed;
// the records themselves shrink after that commit, in parts, and after a crash
// when the store is opened again.
//
// # Key layout
//
// One letter for the kind, then fixed-width big-endian numbers or the text
// identifier as the last field, so that byte order is sort order and no key is
// ambiguous. Every value begins with one format byte (codec.go); long lists of
// numbers are packed (lists.go).
//
//	m<name>               schema, seq, setup, settings, options, declined, removed, trim, content,
//	                      head, ruled, and the last numbers given out (keys.go)
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
//	e<number:4>           the computer's last model.PastReports reports: what each changed (pastreports.go)
//	j<sequence:8>         model.Entry
//	o<rule:8>             model.Rule
//	l<number:4>           acceptance of an update's licence terms, with their digest
//	w<number:4>           model.RevisionAlarm
//	q<proposal:8>         model.Proposal
//	f<update id> 0 <upstream> 0 <revision:4>
//	                      what a vendor's document is and in which block it stands
//	b<block:8><piece:2>   documents as they were published, compressed together
//	h<day:4>              model.DayCount: how it stood on one day, the last 400 of them (trend.go)
//	y<part:4>             a generation that is being taken in (generation.go)
//	z<number:4>           model.Postponement: the update is to be decided later
//
// The history of reports is written when the writer rests, not with the report;
// it decides nothing.
//
// Counts are not on the disk: they are rebuilt from the status records when the
// store is opened and kept current after that; Verify compares them with a
// recount.
package store

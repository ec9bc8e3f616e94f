// Package debian is the upstream "debian=apt": the archives that this computer's
// own apt is configured for.
//
// # What happens in a run
//
// Where allowed, apt-get update refreshes apt's lists first. If sources fail then,
// each is reported and its existing lists are used, saying how old they are. The
// lists are found through apt-get indextargets, apt's documented interface, never
// by guessing at sources files; compressed ones are read through apt's own
// apt-helper. The suites of one release of one archive ("Debian/bookworm") are
// merged by package archive, because they offer versions of the same packages, and
// a release is the unit of work: it is read in full, compared with the signed
// hashes, and only then sent to the sink, so that a damaged list changes nothing.
//
// # The anchor
//
// It holds, per release, the hash of every list and the date of every suite. A
// release whose hashes are all the same is not read and sends nothing. If one
// list changed, all of the release are read again, because suites are merged; the
// sink finds what differs. Hence an anchor is small (a few hundred bytes per list)
// and can never disagree with the store in a way that loses updates: losing the
// anchor only costs a full comparison.
//
// # What is refused
//
// A suite that is older than the one of the last run (a replayed snapshot), and a
// list that lost 30 % of its packages (offline-catalogues F), unless Options.Force
// is set; lists that apt itself does not trust; a release of which a configured
// list is missing, since its updates would look withdrawn. A refusal concerns one
// release, the others go on, and the run ends with an error that names them. A
// release that is no longer configured keeps its updates as they are: its archive
// has not withdrawn them.
//
// # Edges
//
// Programs run through a Runner, files are read through an fs.FS, the clock is a
// function. Options.Apt gives apt another root, for tests and for computers that
// are managed in a directory. A Source starts goroutines only to run
// two programs at once, and waits for them.
package debian

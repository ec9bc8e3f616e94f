// Package engine is the background of the process that holds the store: it
// synchronizes upstreams on their schedules and when asked, runs the agent of
// this computer, re-evaluates managed computers against a changed catalogue and
// keeps groups whose formulas depend on time current.
//
// # Jobs
//
// Whatever takes long is a Job: it has a number, a kind, progress and a result,
// can be watched, cancelled and waited for. One synchronization runs at a time,
// over one upstream or several, one after the other; and one job of this
// computer's agent. A second one is refused with a *model.Refusal that names the
// first. Finished jobs are remembered, the last 20 of them.
//
// A synchronization of one upstream is a model.SyncRun: begun in the store before
// anything is read, ended with its result (semantics 3.9) whatever happens; what
// the process could not end keeps the result "unknown". Descriptions go through
// a sink that has the store write what differs and nothing else, so that an
// unchanged upstream writes its run record only. Anchors advance when what they
// cover is durable, which makes a run resumable: the next one continues there.
//
// # Automatic decisions
//
// After the import, before a run's record is ended, updates that their publisher
// expired are declined and automatic approval rules run over what is new; the
// record says what came of it, rule by rule. What an initial synchronization
// brought is only counted: Withheld gives the numbers, RunWithheld is an
// administrator's consent to them. A rule that fails does not fail the run. A run
// that was cut off before this is made up for by the next one: the store's mark
// tells which updates rules have not seen, and the records of runs which expired
// ones nobody has declined.
//
// When a run changed the catalogue, the last inventory of every computer is
// evaluated again in the same job (package agents has the rules). If that does
// not happen, because the job was cancelled or the process died, Run does it
// later: the need for it is read from the records.
//
// # Schedules
//
// An upstream is due at its scheduled time (model.SyncSchedule) plus a random
// offset of some minutes, so that many servers do not come at once. A time that
// passed while no process ran is caught up shortly after Run began. A scheduled
// run that failed is tried again after 5, 15, 45 and 120 minutes, then at its
// next time; one that ended with the process is tried again like a failed one;
// one that a person cancelled is not.
//
// # The trend
//
// The engine has the store count each day how update management stands: at its
// start, every ten minutes while anything changes, and at its end. Days on which
// no engine ran are not counted, and nothing is made up for them.
//
// # Ownership
//
// An Engine owns every goroutine it starts. With Run, jobs belong to the engine:
// they outlive the call that started them, and when Run's context ends they are
// cancelled and Run returns after the last of them. Without Run (a command that
// opened the store itself), a job belongs to its caller: it ends with the context
// it was started with, and the caller waits for it with Wait, then calls Close.
//
// Time and chance come in through Options. All methods are safe for concurrent
// use; none but Run, Close, Wait, Estimate and Test blocks on anything but the
// store's memory.
package engine

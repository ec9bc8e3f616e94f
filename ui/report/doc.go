// Package report builds reports as data and writes them as text, CSV, JSON,
// Markdown and HTML (design 3; seed, step 6: follow progress, find problems).
//
// # What a report is
//
// Build answers one question (Definitions) from one snapshot of the store. The
// Report is data: sections, each a table with typed columns and notes. Nothing
// in it refers back to the store, so it can be kept, sent and written in any
// form, from any goroutine.
//
// Text from outside passed through model.Clean when it was put into a cell;
// writing only has to escape for its own format.
//
// # What the numbers mean
//
// Needed counts the states NotInstalled, Downloaded and InstalledPendingReboot,
// Failed is apart (semantics 3.1), and both of a pair of update and computer.
// Declined updates and those outside the selected products take no part. The
// classic reason why numbers of two reports do not match is their base
// (semantics 3.6), so a report says it: all updates, or only approved ones, and
// these only on the computers for which the approval holds.
//
// Every percentage names two columns of its table: the number that it is a part
// of, and how many of these are unknown. Percentages are cut to one decimal,
// never rounded up, so that 100 % means all; a percentage of nothing is absent
// instead of 100 %. Computers that have not reported stay in the base: silence
// must never look like compliance (users.md, rank 4).
//
// The head of the journal stands on every report: who keeps the report can
// prove later that the journal was not rewritten (design 4).
//
// # Cost
//
// Counts that the store keeps are used as they are. Where a report's scope has
// no ready counts (a filter on computers, the approved base, deployments) one
// pass over what computers reported is made: the work grows with what is
// needed and installed, not with updates times computers. Computers in the same
// groups obey the same approvals and are handled together.
//
// # Limits
//
// Lists of pairs stop at a limit and say in a note how many are left out.
// Details that are not part of a snapshot (failures, packages) are read from
// the disk and may be newer than the snapshot.
package report

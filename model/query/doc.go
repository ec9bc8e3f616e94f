// Package query is Fettle's one query language: for filters in the console,
// commands, saved views, dynamic groups and report scopes (commands.md, "Query
// language"; for users: docs/query-language.md).
//
// # From text to answer
//
// ParseUpdates, ParseComputers and ParseEntries read a text into terms joined by and, or and
// not, check every field and value, and compile each term to a closure. Text
// and needles are prepared then, so that matching a row allocates nothing on
// the usual paths. Within an "and" and an "or" the cheap terms run first: a
// flag is looked at before counts are asked for.
//
// What depends on the world is bound when matching begins, once for a Filter:
// names of groups are looked up in the group tree, ages and dates become
// instants in the zone of the time that was given. A group that does not exist
// can therefore be found by Check and Filter only; Match answers false for such
// a query as a whole, because "not approved for a group that nobody knows"
// must not mean "everything".
//
// # Text
//
// String gives the canonical text of a query. It parses to the same query, and
// parsing it again gives the same text. Length and nesting are bounded, since
// queries also come over SSH and in imported formulas; a parse never panics.
// Texts are passed through model.Clean first, and columns of errors count the
// characters that are left.
//
// # Concurrency
//
// Updates, Computers and Entries are immutable after parsing and may be used by several
// goroutines at once. The package starts none, and reads no clock.
package query

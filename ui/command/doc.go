// Package command is the command line: one tree of commands, run in the process
// that holds the store.
//
// # Where a command runs
//
// A command line is parsed twice by the same tree. In the caller's process it is
// checked; then the command either runs there (help, config, restore, all of
// `fettle agent`), or it needs the store. In that case the process that holds
// the store runs it: another one, to which the command line is sent as it is
// (package remote), or, when nobody holds the store, this one, which opens it.
// Either way the command sees a *remote.Session (who asks, with which words,
// where the answer goes) and a *host (the store and the engine), and cannot tell
// the difference. While a command that takes long holds the store, others can
// attach to its process.
//
// # Answers
//
// Standard output carries the answer, standard error everything else. An answer
// is data first (object, table), written as text, JSON or CSV. JSON keys are the
// fields of the query language in snake case (commands.md). Text from outside
// passed through model.Clean before it is written.
//
// # Changes
//
// Every command that changes something goes through decide: plan, show, ask,
// make. --plan stops after showing; without a terminal a change needs --yes.
//
// # Exit status
//
// 0 done; 1 failed; 2 the command line is wrong; 3 refused by a rule; 4 the
// store cannot be opened; 130 interrupted. Only status maps errors to these.
//
// # Ownership
//
// run owns the context that signals end, the host and whatever the host started;
// goroutines are joined before the store is closed (terminal finding 9).
package command

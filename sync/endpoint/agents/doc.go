// Package agents is the server's side of the conversation with our own agents
// (package protocol): it records what computers report, tells which updates
// stand behind their packages, and decides what each is to install.
//
// # Facts
//
// A report becomes the computer's record, its inventory and its model.Status.
// Which updates are needed is the computer's own word: the packages that its apt
// would upgrade, held, phased and kept-back ones included, mapped to the updates
// that bring exactly these versions; a version that the catalogue does not know
// stays without an update. Which are installed is computed from the inventory.
// A failure holds until the update is installed or not needed any more. A report
// whose scan failed changes no state: it is an error, never "up to date" (peers
// 6c.1). Events are kept as facts (a failure, packages changed by others) but
// move no installation state; only the report that follows does (semantics 7.2).
//
// Reevaluate computes the statuses anew after the catalogue changed, from the
// inventories last reported, and marks them so.
//
// # Decisions
//
// The effective approvals among the needed updates, the group policy, and the
// plan: numbered, expiring, signed. The computer says what installing an update
// would really do there (its closures); the server checks that against the
// catalogue before it signs: every version in a plan is one that the catalogue
// offers, with the digest that the archive's signed index gives; an upgrade of
// another update makes the plan wait for that one's approval; downgrades and
// removals are refused. Before the setup is complete, and for a computer that was
// not accepted, nothing is approved, and the reason stands with each update.
//
// # Waking
//
// A connected computer waits in Await, naming the mark that came with its last
// decisions: a digest of its duty (policy, and what is approved and needed there,
// with deadlines and what stands against it). It is answered when its duty is
// another one. What it did itself does not wake it: the acknowledgement of a
// report moves its mark along when something was done and nothing decided. The
// network endpoint will use the same method, one waiting call per connection.
//
// # Trust
//
// Everything in a message is hostile input: sizes are bounded, names follow
// Debian's grammar, text is cleaned, times lie within reason. Who a computer is
// comes from the connection (For), never from the message.
//
// # Concurrency
//
// An Endpoint starts goroutines within Reevaluate, which waits for them, and one
// that serves all calls of Await: the first starts it, the last to return ends it
// and waits for it. Its methods and those of its Servers are safe for concurrent
// use; what is read, computed and written for one computer is done under that
// computer's lock, so reports, events and re-evaluations of one process must go
// through one Endpoint.
package agents

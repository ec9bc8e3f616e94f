// Package remote lets one process hold the store and every other attach to it
// (design 2): both ends of SSH over a Unix socket beside the store.
//
// # Holding
//
// The process that opened the store calls Hold and listens until it calls
// Close. A session without a terminal and with a command line gets that command
// run in the holder, with the session's input and outputs and its exit status
// passed back; a session with a terminal and no command line gets the console;
// the subsystem "fettle-agent" carries the conversation between an agent and
// its server and, on a session of its own, the server's calls to it. Rendering
// stays in the holder, so that only it reads the store.
//
// Who may attach is decided by the kernel's word about the process at the other
// end (SO_PEERCRED): the same user or root, who are administrators here. The
// socket has mode 0600 besides, and a client checks in the same way whom it
// talks to, so no key has to be exchanged. The host key exists because SSH wants
// one, and for the day on which the same service listens on TCP.
//
// # Attaching
//
// Dial tells three cases apart: nobody listens (ErrNobody: open the store
// yourself), the socket belongs to somebody else (ErrDenied), and somebody
// listens but does not answer in time (ErrSilent).
//
// # Files
//
// Files that a command line names are the caller's. A command opens them through
// its session's Files, which are OwnFiles where the command runs in the caller's
// process. Where it runs in the holder, that opens a channel back to the caller,
// on the same connection, and asks for ranges and listings, or has an output
// written. The caller's process made its OwnFiles from its own reading of the
// command line and serves exactly those names, so that a holder, which may run as
// another user, reads and writes nothing else of the caller's: below a directory
// that is named nothing outside of it, no links out of it, no pipes or devices. The
// channel ends with the session; an output that was not committed by then is
// taken away. Plain ssh refuses such a channel: it gives a file on standard
// input, as "-".
//
// # Leaving
//
// When the holder closes, it first stops listening, then tells consoles to
// start again on their own (StatusLeaving) and agents that it is gone, then
// waits for commands that run. An agent's Link attaches to the next holder.
//
// # Concurrency
//
// A Holder owns one goroutine that accepts and those that gliderlabs/ssh starts
// per connection, one per agent's session that reads it, and those that fetch a
// session's files; Close waits for all of them. A Client belongs to one goroutine but for what it serves a Link with,
// which is safe for concurrent use and has no goroutine of its own; what a
// Client's methods start has ended when they return, but for a copy of an input
// that cannot be interrupted.
package remote

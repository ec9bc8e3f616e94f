// Package installer is the one part of the agent that needs root: a process of
// its own that takes one order over a pipe, installs exactly what it names and
// ends. Everything else can run unprivileged.
//
// The order has a fixed grammar (ParseOrder); nothing else is accepted, and no
// text of it reaches a command line but names, architectures and versions that
// passed Debian's own grammar. The installer does not trust who sent it: it
// simulates, refuses whatever apt would do beside the items, checks every
// archive's SHA-256 against the order and against the vendor's signed index,
// and only then lets apt-get install name:arch=version with --no-download, so
// that the dangerous part needs no network (peers 6c.3, 6c.6). Installing is
// apt-get's work, always: packages are never unpacked here. For `file:` archives
// apt-get does not fill its cache, so that --no-download would fail: the
// archives are copied there first, and checked like all others.
//
// An order is one step. A step that began is finished: the process is a session
// of its own, ignores the agent's death, and never kills dpkg (peers 6c.8). The
// end of the order's pipe stops it only while it is still downloading. apt's
// output goes to a log file and not to a pipe, so that nobody's end can break
// it; progress comes over apt's status descriptor.
//
// Serve is the whole of the privileged side; Client starts it and speaks to it.
package installer

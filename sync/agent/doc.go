// Package agent is the managed Linux computer's side: it scans, reports, asks
// what is wanted, decides when, installs exactly that, verifies and reports
// again. It runs in process for the computer that the console runs on, and
// beside a server over the network, with the same structure: all it knows of
// the other end is the interface Server.
//
// A check-in is one cycle (CheckIn, in this order):
//
//	recover    an installation that was cut off is looked into first
//	refresh    the package lists, as root
//	scan       what is installed, what is needed, why the rest is not
//	report     and learn which updates are behind the packages
//	closures   what installing each approved update would really do here
//	decide     approvals, policy and the signed plan of the server
//	download   what is due and what will be
//	ask again  right before installing: an approval withdrawn meanwhile stops it
//	install    in small steps, each closed under its dependencies
//	verify     by a new scan, and report what it found
//	restart    if the policy says so, after the result is stored
//	tell       the computer's users what waits for them
//
// When something is installed is model.Decide's business, what is installed the
// plan's: the agent adds nothing to either. Without the server it acts on a plan
// that it has until that expires.
//
// Between cycles Run listens to a server that is a Caller: what an administrator
// decides reaches a connected computer at once. The mark that came with the last
// decisions says what the computer knows, so that nothing is missed between two
// calls, nor while the agent was not there.
//
// Ownership: CheckIn and Install run in the caller's goroutine, one at a time per
// state directory, also across processes (a file lock); Run is the loop for a
// caller who has a goroutine for it, and returns when its context ends, after the
// step it is in. Its only other goroutine listens to the server while Run sleeps,
// and has ended when a cycle begins. Wake may be called from anywhere.
//
// State lives in files below Options.StateDir, each replaced whole (written
// aside, synced, renamed), and intents.log, which is only appended to: the
// intent before each step, its result after it, both synced. Time, randomness,
// programs, users and restarts are injected; System gives the real ones.
package agent

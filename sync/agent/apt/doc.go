// Package apt asks a Debian computer's own apt and dpkg what is installed, what
// they would upgrade and what installing something would really do. It changes
// nothing but package lists (Refresh): installing is package installer's.
//
// The answer to "what is needed" is apt's own and never a second opinion: the
// candidates come from `apt-cache policy`, which of them apt would install from
// a simulated `dist-upgrade`. What is computed here is only why the others would
// not be (held, pinned, phased, kept back, half-configured), and where apt's
// answer differs from what the sources' priorities alone would give
// (model.Exception), so that a server can re-evaluate the inventory.
//
// System is safe for concurrent use: it keeps no state but its options. Every
// program runs with LC_ALL=C, a fixed path, no standard input and bounded
// output; a cancelled context ends it. apt's binary cache is kept in a
// directory of our own, because an ordinary user cannot write apt's: that makes
// `apt-cache policy` of a whole computer a matter of 0.1 s.
package apt

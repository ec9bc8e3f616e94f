package agents

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"fettle/model"
	"fettle/store"
	"fettle/sync/agent/protocol"
)

// duty is what the server has decided that a computer is to do: its policy, and
// what is approved and needed there. Two that are equal lead to the same
// decisions, as far as these are the server's; what installing would really do is
// for the computer to say and no part of it.
type duty struct {
	policy [sha256.Size]byte // and whether anything is approved for the computer at all
	wants  []want            // by update
}

type want struct {
	update uint32
	digest [sha256.Size]byte // of the deadline, the revision and the reason against it
}

// wants gives the updates that are approved for a computer and still to be
// installed there, those that failed included: they are tried again. Where
// something stands against one, Refused says what.
func wants(snap *store.Snapshot, c *model.Computer) []model.PlannedUpdate {
	gate := gateReason(snap, c)
	var out []model.PlannedUpdate
	for _, n := range snap.NeededBy(c.Number) {
		if snap.State(c.Number, n) == model.StateInstalledPendingReboot {
			continue
		}
		eff := snap.Effective(c.Number, n)
		if eff.Action != model.ActionInstall {
			continue
		}
		row := snap.Row(n)
		p := model.PlannedUpdate{Update: row.ID, Number: n, Title: model.Clean(row.Title), Group: eff.Group, Deadline: eff.Deadline}
		switch {
		case gate != "":
			p.Refused = gate
		case row.Has(model.FlagWithdrawn):
			p.Refused = "it was withdrawn: its archive no longer offers this version"
		case row.Has(model.FlagExpired):
			p.Refused = "it was expired by its publisher"
		case eff.Stale:
			p.Refused = "its approval belongs to an older revision"
			if a, ok := snap.Alarm(n); ok && a.Held != model.HeldNot {
				p.Refused += " (" + a.Held.String() + ")"
			}
			p.Refused += "; it waits until an administrator approves it again"
		case !snap.Licensed(n):
			p.Refused = "its licence terms have not been accepted"
		}
		out = append(out, p)
	}
	return out
}

// dutyOf works a computer's duty out.
func dutyOf(snap *store.Snapshot, c *model.Computer) duty {
	policy, _ := snap.EffectivePolicy(c.Number)
	return dutyFrom(snap, c, policy, wants(snap, c))
}

func dutyFrom(snap *store.Snapshot, c *model.Computer, policy model.Policy, list []model.PlannedUpdate) duty {
	var d duty
	d.policy = digest(func(b []byte) []byte {
		b = append(b, byte(policy.Mode), byte(policy.Restart))
		for _, t := range []*model.WeekTime{policy.Install, policy.RestartAt} {
			if t == nil {
				b = append(b, 0)
				continue
			}
			b = binary.AppendVarint(binary.AppendVarint(append(b, 1), int64(t.Day)), int64(t.Minute))
		}
		return append(b, gateReason(snap, c)...)
	})
	for _, p := range list {
		d.wants = append(d.wants, want{update: p.Number, digest: digest(func(b []byte) []byte {
			b = binary.BigEndian.AppendUint32(b, snap.Row(p.Number).Revision)
			if !p.Deadline.IsZero() {
				b = p.Deadline.UTC().AppendFormat(b, time.RFC3339)
			}
			return append(append(b, 0), p.Refused...)
		})})
	}
	return d
}

func digest(write func([]byte) []byte) [sha256.Size]byte {
	return sha256.Sum256(write(make([]byte, 0, 128)))
}

// mark names the duty to the computer, which gives it back: half a digest, since
// nobody gains by two that are equal.
func (d duty) mark() []byte {
	sum := digest(func(b []byte) []byte {
		b = append(b, d.policy[:]...)
		for _, w := range d.wants {
			b = append(binary.BigEndian.AppendUint32(b, w.update), w.digest[:]...)
		}
		return b
	})
	return sum[:protocol.MarkSize]
}

func (d duty) equal(o duty) bool { return d.policy == o.policy && slices.Equal(d.wants, o.wants) }

// has says whether an update is among those to be installed.
func (d duty) has(update uint32) (want, bool) {
	i, ok := slices.BinarySearchFunc(d.wants, update, func(w want, n uint32) int { return int(int64(w.update) - int64(n)) })
	if !ok {
		return want{}, false
	}
	return d.wants[i], true
}

// remainsOf says whether d is what is left of an earlier duty because something
// was done, or is not needed any more: nothing was added or changed. Such a
// difference is no reason to wake a computer; it is usually its own work.
func (d duty) remainsOf(earlier duty, snap *store.Snapshot, computer uint32) bool {
	if d.policy != earlier.policy {
		return false
	}
	for _, w := range d.wants {
		if before, ok := earlier.has(w.update); !ok || before != w {
			return false
		}
	}
	for _, w := range earlier.wants {
		if _, still := d.has(w.update); still {
			continue
		}
		// What an administrator took away is still needed, or, if declined, has no
		// state at all.
		switch snap.State(computer, w.update) {
		case model.StateInstalled, model.StateInstalledPendingReboot, model.StateNotApplicable:
		default:
			return false
		}
	}
	return true
}

// reason says in words what differs from an earlier duty.
func (d duty) reason(earlier duty) string {
	if d.policy != earlier.policy {
		return "its policy changed"
	}
	return "what is approved for it changed"
}

package model

import "time"

// CleanupJob is one of the jobs of the Server Cleanup Wizard (semantics 3.8).
type CleanupJob string

// The jobs, in the order in which they run: what is declined by one may be
// removed by a later one.
const (
	CleanupSuperseded CleanupJob = "superseded" // decline superseded updates that nobody needs
	CleanupExpired    CleanupJob = "expired"    // decline updates that were expired or withdrawn and are not approved
	CleanupUpdates    CleanupJob = "updates"    // remove updates that cannot be installed any more and that no computer has
	CleanupRevisions  CleanupJob = "revisions"  // remove what is kept of revisions that no approval holds
	CleanupComputers  CleanupJob = "computers"  // remove computers that have not made contact
	CleanupFiles      CleanupJob = "files"      // remove content that no approval needs
)

// CleanupJobs lists the jobs with what each does, in their order.
func CleanupJobs() []struct {
	Job  CleanupJob
	Does string
} {
	return []struct {
		Job  CleanupJob
		Does string
	}{
		{CleanupSuperseded, "decline superseded updates"},
		{CleanupExpired, "decline expired and withdrawn updates that are not approved"},
		{CleanupUpdates, "remove declined updates that are no longer offered and that no computer has"},
		{CleanupRevisions, "remove the records of old revisions"},
		{CleanupComputers, "remove computers that made no contact"},
		{CleanupFiles, "remove content that no approval needs"},
	}
}

// The ages of cleanup: WSUS's own (semantics 3.8).
const (
	CleanupArrived  = 30 * 24 * time.Hour // a superseded update must have been here so long
	CleanupApproved = 90 * 24 * time.Hour // and nobody approved it for a group for so long
	CleanupContact  = 30 * 24 * time.Hour // a computer must have been silent so long
)

// CleanupItem is one thing that a job looked at: a candidate with the reason,
// or a survivor with the condition that saved it.
type CleanupItem struct {
	Job      CleanupJob
	Update   uint32 // or
	Computer uint32
	Saved    bool
	Reason   string // past tense, a whole clause: "nobody needs it and 2.0-3 is approved", "it is still needed by 4 computers"
	Bytes    int64  // that its removal frees, as far as known
}

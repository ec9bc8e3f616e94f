package model

// NoticeLevel orders notices.
type NoticeLevel uint8

// The levels, the most pressing last.
const (
	NoticeInfo NoticeLevel = iota
	NoticeWarning
	NoticeError
	NoticeSetup // essential configuration: always first
)

// String gives the text mark that stands for the level without colour.
func (l NoticeLevel) String() string { return [...]string{"info", "warn", "ERROR", "SETUP"}[min(l, 3)] }

// Notice is something in the Overview that wants attention, with the way to the
// remedy.
type Notice struct {
	Kind   string // stable and short: "setup", "sync-failed", "failed", "withdrawn"
	Of     string // which of its kind, where there may be several: the name of an upstream, of a rule
	Level  NoticeLevel
	Text   string // a whole sentence with its numbers
	View   string // the screen that leads to the remedy: "updates", "computers", "synchronization", "setup-computers"
	Filter string // the query to open it with
	Rows   int    // what that query shows; 0 where the screen is no list of updates or computers
	Run    uint64 // the synchronization that it is about, if any
	Remedy string // the command that would remedy it, if there is one
}

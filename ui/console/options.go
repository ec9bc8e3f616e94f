package console

import (
	"context"
	"io"
	"log/slog"
	"time"

	"fettle/model"
	"fettle/store"
	"fettle/ui/config"
	"fettle/ui/console/theme"
	"fettle/ui/report"
)

// Engine is what the console needs of the background of the process that holds
// the store. Package jobs makes one of the real engine. Jobs, Next and Cancel
// answer from memory; the others are called off the interface goroutine.
type Engine interface {
	Jobs() []Job // running ones first, then finished ones, the newest first
	Watch(ctx context.Context) <-chan struct{}
	Synchronize(ctx context.Context, upstreams []string, by model.Actor) error
	CheckIn(ctx context.Context, by model.Actor) error
	Install(ctx context.Context, by model.Actor) error
	Cancel(id uint64) bool
	Next(u model.Upstream) time.Time
	Estimate(ctx context.Context, u model.Upstream) (model.Estimate, error)
	Test(ctx context.Context, u model.Upstream) ([]string, error)

	// Recognize says what a file of this process's machine is. PlanImport reads
	// the whole of it and says what importing it would change; Import starts the
	// import. force takes in what is older than what is in force, or implausibly
	// small.
	Recognize(ctx context.Context, path string) (*CarriedFile, error)
	PlanImport(ctx context.Context, path string, force bool, progress func(model.Progress)) (*ImportPlan, error)
	Import(ctx context.Context, path string, force bool, by model.Actor) error
}

// CarriedFile is a file, or a directory of content, that somebody carried in and
// that was recognised.
type CarriedFile struct {
	Name    string
	Size    int64
	What    string
	Facts   [][2]string // name and value, in the order in which they are shown
	Refused string      // why it would be refused; empty = it would not
	Content bool        // payload files, not a catalogue
}

// ImportPlan is what an import would change.
type ImportPlan struct {
	New, Revised, Withdrawn, Unchanged, Documents, Categories int

	Titles   []string // of the first new updates
	Remarks  []string
	Failures []model.ImportFailure
}

// Job is how one thing that runs in the background stands.
type Job struct {
	ID       uint64
	Kind     string
	Name     string
	Started  time.Time
	Ended    time.Time // zero = running
	Progress model.Progress
	Err      string
	Canceled bool // it ended because somebody cancelled it
	Result   string
}

// Running says whether the job has not ended.
func (j Job) Running() bool { return j.Ended.IsZero() }

// Machine is the computer that the console's process runs on, as far as the
// wizard must know it.
type Machine struct {
	Name  string
	OS    string
	Apt   bool   // it has apt, so that it can be managed and be an upstream
	Root  bool   // updates can be installed without sudo
	Facts string // what else should be said, a sentence or more
}

// Report is one report that can be shown.
type Report struct {
	Name    string
	Title   string
	Answers string // the question that it answers

	OnComputers bool // its query is on computers; else on updates
	Groups      bool // a group narrows it
	Bases       bool // it can be made over approved updates only
}

// Reporter makes reports. Build is called off the interface goroutine.
type Reporter interface {
	Reports() []Report
	Build(ctx context.Context, snap *store.Snapshot, name string, p report.Parameters) (*report.Report, error)
}

// View is a filter with a name, from the settings.
type View struct {
	Name    string
	On      string // "updates" or "computers"
	Filter  string
	Sort    string   // a column; "-" before it reverses
	Columns []string // in their order; none = the default
}

// Options are what a console is made of.
type Options struct {
	Store      *store.Store
	Engine     Engine   // nil = nothing runs in the background
	Reporter   Reporter // nil = no reports
	Actor      model.Actor
	Machine    func(context.Context) (Machine, error) // nil = nothing is known of it
	Log        *Log                                   // nil = the console's own messages only
	Config     []config.Setting                       // what config.toml says, for the screen of settings
	ConfigFile string                                 // the file that was read; empty = none
	LogFile    string                                 // where the process logs to, for what was said before it began; empty = nowhere

	Terminal theme.Terminal
	Theme    string
	ASCII    bool // draw with ASCII whatever the terminal can
	NoColor  bool
	Step     bool // scroll lists line by line
	Mouse    bool // take the mouse, so that the terminal's own marking of text needs a key
	FPS      int  // frames a second at most; 0 = 30
	Keys     map[string][]string
	Views    []View

	Zone     *time.Location   // nil = local
	Server   *time.Location   // the server's own zone, where that is another; nil = that of the process
	Now      func() time.Time // nil = time.Now
	ReadOnly bool
	Local    bool // the program has the terminal to itself: Ctrl-Z may stop it
	// Directory is where the names of files begin that the console writes for its
	// user. Empty where it runs in another process than the user's: the files of
	// a caller are out of its reach (design 2).
	Directory string
	Output    io.Writer // the terminal, for the clipboard sequence; nil = none
	Width     int       // of the terminal, where Bubble Tea cannot ask it: a served session
	Height    int
	// NextSize waits for the terminal's next size; ok is false when there is
	// none to come. nil where Bubble Tea finds out itself.
	NextSize func(context.Context) (w, h int, ok bool)
	// StatePath is where the last view, filters and orders are kept; empty =
	// nowhere.
	StatePath string
	View      string // the screen to begin with; empty = that of the last time
	Filter    string // its filter
	Open      string // an update or a computer to show the details of, as :open takes it

	Clipboard string          // ClipboardOSC52 or ClipboardOff; empty is the former
	Reload    Reloader        // nil = there is no configuration to read again
	Reloads   <-chan struct{} // asks for it; nil = nothing does
}

// Log is a ring of the last log lines, which the log screen shows. It is a
// slog.Handler, so that a process can log into it beside its file; it is safe
// for concurrent use.
type Log struct {
	ring *ring
	with []slog.Attr
}

// NewLog makes a log of the last 500 lines.
func NewLog() *Log { return &Log{ring: &ring{limit: 500}} }

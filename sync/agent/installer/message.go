package installer

import (
	"regexp"
	"strconv"
	"strings"

	"fettle/model"
)

// Message is one line that the installer writes: a JSON object. The last one
// holds the result.
type Message struct {
	Phase  string  `json:"phase,omitempty"`
	Done   int64   `json:"done,omitempty"`
	Total  int64   `json:"total,omitempty"`
	Text   string  `json:"text,omitempty"`
	Result *Result `json:"result,omitempty"`
}

// Result is how a step ended.
type Result struct {
	OK        bool     `json:"ok"`
	Code      string   `json:"code,omitempty"`   // of a failure, as apt.Failure.Code; "refused", "verification", "space"
	Text      string   `json:"text,omitempty"`   // what happened
	Remedy    string   `json:"remedy,omitempty"` // what to do about it
	Refused   bool     `json:"refused,omitempty"`
	Repaired  bool     `json:"repaired,omitempty"`  // dpkg had been interrupted, and was repaired first
	Conffiles []string `json:"conffiles,omitempty"` // kept as they were; the new versions lie beside them
	Output    string   `json:"output,omitempty"`    // the end of what apt said, when it failed
}

// Error gives the failure as the error that it is, nil when there is none.
func (r Result) Error() error {
	switch {
	case r.OK:
		return nil
	case r.Refused:
		return &model.Refusal{Code: r.Code, What: "the installation was refused", Why: r.Text, Remedy: r.Remedy}
	}
	return &Failure{Code: r.Code, Text: r.Text, Remedy: r.Remedy}
}

// Failure is a step that failed.
type Failure struct {
	Code, Text, Remedy string
}

// Error writes what happened and what to do next.
func (f *Failure) Error() string {
	if f.Remedy == "" {
		return f.Text
	}
	return f.Text + ". To remedy: " + f.Remedy
}

var statusLine = regexp.MustCompile(`^(dlstatus|pmstatus|pmerror|pmconffile):([^:]*(?::[a-z0-9-]+)?):([0-9.]+):(.*)$`)

// parseStatus reads a line of apt's status descriptor. problem is what dpkg
// complained of, with the package.
func parseStatus(line string) (m Message, problem string, ok bool) {
	f := statusLine.FindStringSubmatch(line)
	if f == nil {
		return m, "", false
	}
	percent, err := strconv.ParseFloat(f[3], 64)
	if err != nil {
		return m, "", false
	}
	m = Message{Phase: "installing", Done: int64(min(percent, 100)), Total: 100, Text: model.Clean(strings.TrimSpace(f[4]))}
	switch f[1] {
	case "dlstatus":
		m.Phase = "downloading"
	case "pmconffile": // it holds paths, for a program that would ask
		m.Text = "keeping the configuration of " + model.Clean(f[2])
	case "pmerror":
		problem = model.Clean(f[2]) + ": " + m.Text
	}
	return m, problem, true
}

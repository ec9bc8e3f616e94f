package apt

import (
	"fmt"
	"strings"

	"fettle/model"
)

// Failure is apt's or dpkg's own "no", with a short stable code and what to do
// about it.
type Failure struct {
	Code   string // "lock", "interrupted", "disk-full", "download", "verification", "version-gone", "dependencies", "held", "apt-100"
	Text   string // what apt said, in one line
	Remedy string
}

// Error writes what happened and what to do next.
func (f *Failure) Error() string {
	if f.Remedy == "" {
		return f.Text
	}
	return f.Text + ". To remedy: " + f.Remedy
}

var failureMarks = []struct{ code, mark, remedy string }{
	{"lock", "Could not get lock", "wait until the other program has finished; it is never killed and its lock never deleted"},
	{"lock", "is another process using it", "wait until the other program has finished; it is never killed and its lock never deleted"},
	{"interrupted", "dpkg was interrupted", "dpkg --configure -a"},
	{"disk-full", "enough free space", "free some space, for example with: apt-get clean"},
	{"disk-full", "No space left on device", "free some space, for example with: apt-get clean"},
	{"verification", "Hash Sum mismatch", "run fettle agent check-in again; if it stays, the archive or a cache on the way is damaged"},
	{"held", "Held packages were changed", "apt-mark unhold, if the package need not be held any more"},
	{"version-gone", "was not found", "synchronize again; the archive no longer offers this version"},
	{"version-gone", "Unable to locate package", "synchronize again; the archive no longer offers this package"},
	{"dependencies", "unmet dependencies", "wait for the packages that it depends on, or remove what stands in the way"},
	{"dependencies", "you have held broken packages", "wait for the packages that it depends on, or remove what stands in the way"},
	{"download", "Unable to fetch some archives", "check the network and the package sources, then: fettle agent check-in"},
	{"download", "Failed to fetch", "check the network and the package sources, then: fettle agent check-in"},
	{"download", "must be downloaded", "check the network and the package sources, then: fettle agent check-in"},
	{"not-root", "are you root?", "run it as root, or allow sudo"},
}

// Classify makes a failure of a program's output and exit status; nil when it
// succeeded. Only what apt marks as an error, and the dependencies that it
// names, go into the text.
func Classify(res Result) *Failure {
	if res.Code == 0 {
		return nil
	}
	f := &Failure{Code: fmt.Sprintf("apt-%d", res.Code)}
	all := res.Stderr + "\n" + res.Stdout
	for _, m := range failureMarks {
		if strings.Contains(all, m.mark) {
			f.Code, f.Remedy = m.code, m.remedy
			break
		}
	}
	var parts []string
	unmet := false
	for line := range strings.Lines(res.Stdout + "\n" + res.Stderr) {
		line = strings.TrimRight(line, "\n")
		if unmet && strings.HasPrefix(line, " ") {
			parts = append(parts, strings.TrimSpace(line))
			continue
		}
		unmet = strings.HasPrefix(line, "The following packages have unmet dependencies")
		for _, mark := range []string{"E: ", "dpkg: error"} {
			if strings.HasPrefix(line, mark) {
				parts = append(parts, strings.TrimPrefix(line, "E: "))
			}
		}
		if len(parts) >= 6 {
			break
		}
	}
	f.Text = model.Clean(strings.Join(parts, "; "))
	if f.Text == "" {
		f.Text = fmt.Sprintf("apt ended with status %d and did not say why", res.Code)
	}
	if len(f.Text) > 1000 {
		f.Text = strings.ToValidUTF8(f.Text[:1000], "") + "..."
	}
	return f
}

package apt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fettle/model"
)

// Options say which computer a System asks. The zero value is the computer it
// runs on.
type Options struct {
	Runner Runner   // nil = Exec{}
	Root   string   // directory of the computer's files; empty = /
	Apt    []string // further arguments for apt's programs: "-o", "Dir=/srv/root"
	Cache  string   // directory for apt's binary cache; empty = apt's own

	RefreshTimeout time.Duration // of Refresh as a whole; 0 = 10 minutes
	Sleep          func(ctx context.Context, d time.Duration) error
}

// System asks one computer's apt and dpkg.
type System struct {
	o Options
}

// New makes a System.
func New(o Options) *System {
	if o.Runner == nil {
		o.Runner = Exec{}
	}
	if o.RefreshTimeout == 0 {
		o.RefreshTimeout = 10 * time.Minute
	}
	if o.Sleep == nil {
		o.Sleep = func(ctx context.Context, d time.Duration) error {
			t := time.NewTimer(d)
			defer t.Stop()
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-t.C:
				return nil
			}
		}
	}
	return &System{o: o}
}

// Available says in words why nothing can be managed here, or nil.
func (s *System) Available() error {
	for _, program := range []string{"apt-get", "apt-cache", "dpkg"} {
		if _, err := exec.LookPath(program); err != nil {
			return &model.Refusal{Code: "no-apt", What: "this computer cannot be managed as a Linux computer",
				Why:    program + " is not installed here; Fettle installs updates through apt, on Debian and its derivatives",
				Remedy: "manage other computers from here instead (fettle setup computers)"}
		}
	}
	if _, err := os.Stat(s.path("var/lib/dpkg/status")); err != nil {
		return &model.Refusal{Code: "no-apt", What: "this computer cannot be managed as a Linux computer",
			Why: fmt.Sprintf("dpkg's list of installed packages cannot be read (%v)", err)}
	}
	return nil
}

func (s *System) path(name string) string { return filepath.Join("/", s.o.Root, name) }

// Args puts together a command line of one of apt's programs.
func (s *System) Args(program string, args ...string) []string {
	line := append([]string{program}, s.o.Apt...)
	if s.o.Cache != "" {
		line = append(line, "-o", "Dir::Cache::pkgcache="+filepath.Join(s.o.Cache, "pkgcache.bin"),
			"-o", "Dir::Cache::srcpkgcache="+filepath.Join(s.o.Cache, "srcpkgcache.bin"))
	}
	return append(line, args...)
}

// ask runs one of apt's programs and wants it to succeed.
func (s *System) ask(ctx context.Context, program string, args ...string) (string, error) {
	res, err := s.o.Runner.Run(ctx, Command{Args: s.Args(program, args...)})
	if err != nil {
		return "", err
	}
	if f := Classify(res); f != nil {
		return "", fmt.Errorf("asking %s %s: %w", program, args[0], f)
	}
	return res.Stdout, nil
}

// Architectures gives the native architecture and the others that dpkg accepts.
func (s *System) Architectures(ctx context.Context) (native string, foreign []string, err error) {
	out, err := s.ask(ctx, "apt-config", "dump", "--format", "%f %v%n", "APT::Architecture", "APT::Architectures")
	if err != nil {
		return "", nil, err
	}
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case value == "":
		case name == "APT::Architecture":
			native = value
		case strings.HasPrefix(name, "APT::Architectures"):
			foreign = append(foreign, value)
		}
	}
	if native == "" {
		return "", nil, errors.New("apt does not say which architecture is native")
	}
	foreign = slices.DeleteFunc(foreign, func(a string) bool { return a == native })
	slices.Sort(foreign)
	return native, slices.Compact(foreign), nil
}

// Installed reads dpkg's status file.
func (s *System) Installed() ([]model.InstalledPackage, error) {
	f, err := os.Open(s.path("var/lib/dpkg/status"))
	if err != nil {
		return nil, fmt.Errorf("reading dpkg's status: %w", err)
	}
	defer f.Close()
	return ParseStatus(f)
}

// Interrupted says whether dpkg was interrupted: its journal is not empty, and
// it refuses work until `dpkg --configure -a` has run (peers 6b).
func (s *System) Interrupted() bool {
	entries, err := os.ReadDir(s.path("var/lib/dpkg/updates"))
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return strings.Trim(e.Name(), "0123456789") == "" })
}

// Lists gives the time at which the package lists last changed hands: apt
// renames files into the directory in every update that succeeded.
func (s *System) Lists() time.Time {
	info, err := os.Stat(s.path("var/lib/apt/lists"))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime().UTC()
}

// Digest changes whenever an answer of Simulate could: it covers what is
// installed, the lists and apt's configuration.
func (s *System) Digest() (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, s.o.Apt)
	status, err := os.ReadFile(s.path("var/lib/dpkg/status"))
	if err != nil {
		return "", fmt.Errorf("reading dpkg's status: %w", err)
	}
	h.Write(status)
	for _, dir := range []string{"var/lib/apt/lists", "etc/apt"} {
		err := filepath.WalkDir(s.path(dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil // partial downloads are unreadable to others, and no part of the answer
			}
			if info, err := d.Info(); err == nil {
				fmt.Fprintln(h, path, info.Size(), info.ModTime().UnixNano())
			}
			return nil
		})
		if err != nil {
			return "", fmt.Errorf("looking at %s: %w", dir, err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// SourceFailure is one package source that could not be refreshed.
type SourceFailure struct {
	Source string
	Reason string
}

// lockWaits is how long Refresh waits for another apt between its attempts, as
// Landscape's agent does (peers 6a).
var lockWaits = []time.Duration{20 * time.Second, 40 * time.Second}

// Refresh runs `apt-get update`, in bounded time and with retries. Sources that
// could not be refreshed are named and keep their old lists; only when nothing
// could be done at all is the result an error.
func (s *System) Refresh(ctx context.Context, progress func(model.Progress)) ([]SourceFailure, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.o.RefreshTimeout, fmt.Errorf("refreshing the package lists took longer than %s", s.o.RefreshTimeout))
	defer cancel()
	for attempt := 0; ; attempt++ {
		failures, failure, err := s.refresh(ctx, progress)
		if err != nil {
			return nil, fmt.Errorf("refreshing the package lists: %w", err)
		}
		if failure == nil {
			return failures, nil
		}
		if failure.Code != "lock" || attempt == len(lockWaits) {
			return failures, fmt.Errorf("refreshing the package lists: %w", failure)
		}
		if err := s.o.Sleep(ctx, lockWaits[attempt]); err != nil {
			return nil, fmt.Errorf("refreshing the package lists: %w; %w", failure, err)
		}
	}
}

func (s *System) refresh(ctx context.Context, progress func(model.Progress)) ([]SourceFailure, *Failure, error) {
	p := model.Progress{Phase: "refreshing package lists"}
	c := Command{Args: s.Args("apt-get", "update", "-o", "Acquire::Retries=3",
		"-o", "Acquire::http::Timeout=30", "-o", "Acquire::https::Timeout=30"),
		Line: func(line string) {
			if word, _, ok := strings.Cut(line, ":"); ok && progress != nil && (word == "Get" || word == "Hit" || word == "Err") {
				p.Done++
				progress(p)
			}
		}}
	res, err := s.o.Runner.Run(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	failures := ParseRefresh(res.Stdout + "\n" + res.Stderr)
	if f := Classify(res); f != nil && (len(failures) == 0 || f.Code == "lock") {
		return failures, f, nil
	}
	return failures, nil, nil
}

// ParseRefresh finds the sources that `apt-get update` could not refresh. It
// ends with status 0 for most failures, so only its words tell.
func ParseRefresh(out string) []SourceFailure {
	var list []SourceFailure
	seen := map[string]bool{}
	add := func(source, reason string) {
		source, reason = model.Clean(strings.TrimSpace(source)), model.Clean(strings.TrimSpace(reason))
		// InRelease and what it leads to fail together: one source, one failure.
		key := strings.TrimSuffix(strings.TrimSuffix(source, " InRelease"), " Release")
		if !seen[key] && len(list) < 50 {
			seen[key] = true
			list = append(list, SourceFailure{Source: key, Reason: reason})
		}
	}
	lines := strings.Split(out, "\n")
	for i, line := range lines {
		_, rest, _ := strings.Cut(line, ":")
		switch {
		case strings.HasPrefix(line, "Err:"):
			_, source, _ := strings.Cut(rest, " ")
			reason := ""
			if i+1 < len(lines) && strings.HasPrefix(lines[i+1], "  ") {
				reason = lines[i+1]
			}
			add(source, reason)
		case strings.HasPrefix(line, "E: The repository '"), strings.HasPrefix(line, "E: Release file for "), strings.HasPrefix(line, "W: GPG error: "):
			rest = strings.TrimPrefix(strings.TrimPrefix(rest, " The repository '"), " Release file for ")
			rest = strings.TrimPrefix(rest, " GPG error: ")
			source, reason, ok := strings.Cut(rest, "' ")
			if !ok {
				if source, reason, ok = strings.Cut(rest, " is "); ok {
					reason = "is " + reason
				} else {
					source, reason, _ = strings.Cut(rest, ": ")
				}
			}
			source = strings.TrimSuffix(source, "/InRelease")
			source = strings.Replace(source, "/dists/", " ", 1) // as the Err lines write it
			add(source, reason)
		}
	}
	return list
}

// installFlags are what a simulation and the real run share, so that one says
// what the other does.
var installFlags = []string{"-y", "-o", "APT::Get::AutomaticRemove=false"}

// Specs gives the form in which apt-get takes items.
func Specs(items []model.PlanItem) ([]string, error) {
	specs := make([]string, len(items))
	for i, it := range items {
		if err := model.CheckPackage(it.Package, it.Arch, it.To); err != nil {
			return nil, err
		}
		specs[i] = it.Spec()
	}
	return specs, nil
}

// Simulate asks what installing exactly these items would do. apt's own refusal
// is part of the answer, not an error.
func (s *System) Simulate(ctx context.Context, items []model.PlanItem) (*Simulation, error) {
	specs, err := Specs(items)
	if err != nil {
		return nil, err
	}
	return s.simulate(ctx, append(append([]string{"install"}, installFlags...), specs...)...)
}

func (s *System) simulate(ctx context.Context, args ...string) (*Simulation, error) {
	res, err := s.o.Runner.Run(ctx, Command{Args: s.Args("apt-get", append([]string{"-s", "-o", "Debug::NoLocking=1"}, args...)...)})
	if err != nil {
		return nil, fmt.Errorf("simulating: %w", err)
	}
	sim, err := ParseSimulation(res.Stdout)
	if err != nil {
		return nil, fmt.Errorf("simulating: %w", err)
	}
	sim.Failure = Classify(res)
	return sim, nil
}

// Record is what the signed index says of one version of a package.
type Record struct {
	Package, Arch, Version string
	Size, InstalledSize    int64 // bytes
	SHA256                 []byte
}

// Records asks for the records of items, keyed by their Spec. Versions that no
// index offers have none.
func (s *System) Records(ctx context.Context, items []model.PlanItem) (map[string]Record, error) {
	records := make(map[string]Record, len(items))
	for batch := range slices.Chunk(items, batchSize) {
		specs, err := Specs(batch)
		if err != nil {
			return nil, err
		}
		// A version that is gone makes apt-cache fail; the others are answered.
		res, err := s.o.Runner.Run(ctx, Command{Args: s.Args("apt-cache", append([]string{"show"}, specs...)...)})
		if err != nil {
			return nil, fmt.Errorf("asking for the records of packages: %w", err)
		}
		if err := parseRecords(res.Stdout, records); err != nil {
			return nil, err
		}
	}
	return records, nil
}

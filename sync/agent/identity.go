package agent

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"fettle/model"
	"fettle/sync/agent/protocol"
)

func (a *Agent) path(name string) string { return filepath.Join("/", a.o.Root, name) }

// identity says who this computer is, from its own files.
func (a *Agent) identity() (protocol.Identity, error) {
	id, err := a.computerID()
	if err != nil {
		return protocol.Identity{}, err
	}
	who := protocol.Identity{ID: id, Agent: a.o.Version, OS: a.osName(), Role: a.role(), Zone: a.zone(), Addresses: addresses()}
	if who.Name, err = os.Hostname(); err != nil {
		return who, fmt.Errorf("asking for the computer's name: %w", err)
	}
	who.Name = model.Clean(who.Name)
	var name unix.Utsname
	if err := unix.Uname(&name); err == nil {
		who.Kernel = model.Clean(unix.ByteSliceToString(name.Release[:]))
	}
	return who, nil
}

// computerID is the machine-id, hashed: the machine-id itself is confidential
// (machine-id(5)). A computer without one gets a random identifier, kept in the
// state directory.
func (a *Agent) computerID() (model.ComputerID, error) {
	raw, err := os.ReadFile(a.path("etc/machine-id"))
	if id := strings.TrimSpace(string(raw)); err == nil && id != "" && id != "uninitialized" {
		sum := sha256.Sum256([]byte(id + "fettle"))
		return model.ComputerID(hex.EncodeToString(sum[:16])), nil
	}
	file := filepath.Join(a.o.StateDir, "computer-id")
	if raw, err := os.ReadFile(file); err == nil && len(raw) == 32 {
		return model.ComputerID(raw), nil
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("reading the computer's identifier: %w", err)
	}
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("making an identifier for the computer: %w", err)
	}
	id := hex.EncodeToString(b[:])
	return model.ComputerID(id), replaceFile(file, []byte(id))
}

// osName is PRETTY_NAME of os-release(5).
func (a *Agent) osName() string {
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		f, err := os.Open(a.path(name))
		if err != nil {
			continue
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if v, ok := strings.CutPrefix(lines.Text(), "PRETTY_NAME="); ok {
				return model.Clean(strings.Trim(v, `"'`))
			}
		}
	}
	return "Linux"
}

// role takes a computer for a client when a display manager is set up, else for
// a server. Debian's default target is graphical.target on servers too, so the
// target says nothing; a display manager is what a desktop has.
func (a *Agent) role() model.Role {
	for _, name := range []string{"etc/systemd/system/display-manager.service", "etc/X11/default-display-manager"} {
		if _, err := os.Lstat(a.path(name)); err == nil {
			return model.RoleClient
		}
	}
	return model.RoleServer
}

// zone is the IANA name of the computer's time zone; empty when it has none.
func (a *Agent) zone() string {
	if target, err := os.Readlink(a.path("etc/localtime")); err == nil {
		if _, name, ok := strings.Cut(target, "zoneinfo/"); ok {
			return model.Clean(name)
		}
	}
	raw, err := os.ReadFile(a.path("etc/timezone"))
	if err != nil {
		return ""
	}
	return model.Clean(strings.TrimSpace(string(raw)))
}

// addresses are those by which others can reach the computer.
func addresses() []string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var list []string
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() && len(list) < 16 {
			list = append(list, ip.IP.String())
		}
	}
	return list
}

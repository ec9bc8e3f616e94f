package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"fettle/model"
)

// summary is the change in one line, in the past tense of the journal.
func (s *Snapshot) summary(c model.Change) string {
	updates := plural(len(c.Updates), "update")
	if len(c.Updates) == 1 && s.Row(c.Updates[0]) != nil {
		updates = model.Clean(s.Row(c.Updates[0]).Title)
	}
	group := ""
	if c.Group != nil {
		group = c.Group.Name
		if g := s.tree.Group(c.Group.ID); g != nil {
			group = g.Name
		}
	}
	switch c.Kind {
	case model.ChangeApprove:
		var parts []string
		for _, ga := range c.Groups {
			name := string(ga.Group)
			if g := s.tree.Group(ga.Group); g != nil {
				name = g.Name
			}
			p := ga.Action.Title() + " for " + name
			if !ga.Deadline.IsZero() {
				p += " by " + ga.Deadline.UTC().Format(time.RFC3339)
			}
			parts = append(parts, p)
		}
		return fmt.Sprintf("Approved %s: %s", updates, strings.Join(parts, ", "))
	case model.ChangeDecline:
		return "Declined " + updates
	case model.ChangeUndecline:
		return "Ended the decline of " + updates
	case model.ChangeReinstate:
		return "Reinstated " + updates + " as Not Approved"
	case model.ChangeRetract:
		return fmt.Sprintf("Retracted deployment %d", c.Deployment)
	case model.ChangeRestore:
		return fmt.Sprintf("Restored deployment %d", c.Deployment)
	case model.ChangeGroupAdd:
		if len(c.Restored) > 0 {
			return "Restored group " + c.Restored[0].Name
		}
		return "Added group " + group
	case model.ChangeGroupRename:
		return "Renamed group " + group + " to " + c.Group.Name
	case model.ChangeGroupMove:
		return "Moved group " + group
	case model.ChangeGroupRemove:
		return "Removed group " + group
	case model.ChangeFormula:
		return "Changed the formula of group " + group
	case model.ChangeJoin:
		return fmt.Sprintf("Put %s into %s", s.computerNames(c.Computers), group)
	case model.ChangeLeave:
		return fmt.Sprintf("Took %s out of %s", s.computerNames(c.Computers), group)
	case model.ChangeExclude:
		return fmt.Sprintf("Excluded %s from %s", s.computerNames(c.Computers), group)
	case model.ChangeInclude:
		return fmt.Sprintf("Ended the exclusion of %s from %s", s.computerNames(c.Computers), group)
	case model.ChangePolicy:
		return "Changed the policy of " + group
	case model.ChangeComputers:
		return "Completed the Computer and Device Management Wizard: " + strings.Join(c.How, ", ")
	case model.ChangeUpdates:
		return "Completed the Updates Management Configuration Wizard: " + string(c.Upstream.Kind) + "=" + c.Upstream.Location
	case model.ChangeUpstream:
		return "Changed upstream " + c.Upstream.Name
	case model.ChangeUpstreamEnd:
		return "Removed upstream " + c.Name
	case model.ChangeSettings:
		return "Changed the settings of update management"
	case model.ChangeRemove:
		return "Removed " + s.computerNames(c.Computers)
	case model.ChangeSetup:
		return "Put back the configuration of before"
	}
	return string(c.Kind)
}

func (s *Snapshot) computerNames(numbers []uint32) string {
	if len(numbers) > 3 {
		return plural(len(numbers), "computer")
	}
	var names []string
	for _, n := range numbers {
		if c := s.Computer(n); c != nil {
			names = append(names, model.Clean(c.Name))
		} else {
			names = append(names, "computer "+strconv.Itoa(int(n)))
		}
	}
	return strings.Join(names, ", ")
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return strconv.Itoa(n) + " " + word + "s"
}

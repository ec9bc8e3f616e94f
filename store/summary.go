package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"fettle/model"
)

// summary is the change in one line, in the past tense of the journal.
func (s *Snapshot) summary(c model.Change) string {
	if from, to, ok := s.moves(c); ok {
		return fmt.Sprintf("Moved %s from %s to %s", s.computerNames(c.Computers), from.Name, to.Name)
	}
	text := s.summaryOne(c)
	for _, also := range c.Also {
		next := s.summary(also)
		if verb, rest, ok := strings.Cut(next, " "); ok {
			next = strings.ToLower(verb) + " " + rest
		}
		text += "; " + next
	}
	return text
}

// moves says whether a change takes computers out of one group and puts them
// into another: both in one change, so that no approval is lost between the two.
func (s *Snapshot) moves(c model.Change) (from, to *model.Group, ok bool) {
	if c.Kind != model.ChangeLeave || len(c.Also) != 1 || c.Also[0].Kind != model.ChangeJoin || len(c.Also[0].Also) > 0 || !slices.Equal(c.Computers, c.Also[0].Computers) {
		return nil, nil, false
	}
	from, to = s.tree.Group(c.Group.ID), s.tree.Group(c.Also[0].Group.ID)
	return from, to, from != nil && to != nil
}

func (s *Snapshot) summaryOne(c model.Change) string {
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
		parts := s.groupWords(c.Groups)
		if c.Rule != "" {
			updates += " by rule " + model.Clean(c.Rule)
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
	case model.ChangeAdmit:
		return "Accepted " + s.computerNames(c.Computers)
	case model.ChangeTurnAway:
		return "Rejected " + s.computerNames(c.Computers)
	case model.ChangeKeepWaiting:
		return "Made " + s.computerNames(c.Computers) + " wait for an answer again"
	case model.ChangeSetup:
		return "Put back the configuration of before"
	case model.ChangeRuleAdd, model.ChangeRuleSet, model.ChangeRuleRemove:
		return s.ruleSummary(c)
	case model.ChangeLicence:
		return "Accepted the licence terms of " + updates
	case model.ChangeLicenceEnd:
		return "Took back the acceptance of the licence terms of " + updates
	case model.ChangeSeen:
		return "Acknowledged the revision alarm of " + updates
	case model.ChangeUnseen:
		return "Marked the revision alarm of " + updates + " as not looked at"
	case model.ChangePostpone:
		if len(c.Postponed) > 0 {
			return "Postponed " + s.namedPostponed(c.Postponed) + " as before"
		}
		return "Postponed " + updates + " until " + c.Until.UTC().Format(time.RFC3339)
	case model.ChangeResume:
		return "Brought " + updates + " back into triage"
	case model.ChangeOptions:
		if words := optionWords(s.options, *c.Options); words != "" {
			return "Changed the options: " + words
		}
		return "Changed the options"
	case model.ChangeForget:
		return "Removed " + updates + " from the catalogue"
	case model.ChangeRevisions:
		return "Removed the records of older revisions of " + updates
	}
	return string(c.Kind)
}

// namedPostponed names postponed updates.
func (s *Snapshot) namedPostponed(list []model.Postponement) string {
	if len(list) == 1 && s.Row(list[0].Update) != nil {
		return model.Clean(s.Row(list[0].Update).Title)
	}
	return plural(len(list), "update")
}

// namedGroups is how many groups a summary names; of more it gives the number.
const namedGroups = 5

// groupWords says what an approval asks of its groups: "Install for Servers".
func (s *Snapshot) groupWords(groups []model.GroupAction) []string {
	var parts []string
	words := func(ga model.GroupAction, whom string) string {
		p := ga.Action.Title() + " for " + whom
		if !ga.Deadline.IsZero() {
			p += " by " + ga.Deadline.UTC().Format(time.RFC3339)
		}
		return p
	}
	if len(groups) <= namedGroups {
		for _, ga := range groups {
			name := string(ga.Group)
			if g := s.tree.Group(ga.Group); g != nil {
				name = g.Name
			}
			parts = append(parts, words(ga, name))
		}
		return parts
	}
	count := map[string]int{}
	var order []model.GroupAction
	for _, ga := range groups {
		key := words(ga, "")
		if count[key] == 0 {
			order = append(order, ga)
		}
		count[key]++
	}
	for _, ga := range order[:min(len(order), namedGroups)] {
		parts = append(parts, words(ga, plural(count[words(ga, "")], "group")))
	}
	if more := len(order) - namedGroups; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d other deadlines", more))
	}
	return parts
}

// ruleSummary says what happens to a rule; switching it on or off has words of
// its own.
func (s *Snapshot) ruleSummary(c model.Change) string {
	name := model.Clean(c.Automatic.Name)
	i := s.ruleIndex(c.Automatic.ID)
	if name == "" && i >= 0 {
		name = model.Clean(s.rules[i].Name)
	}
	switch {
	case c.Kind == model.ChangeRuleAdd:
		return "Added rule " + name
	case c.Kind == model.ChangeRuleRemove:
		return "Removed rule " + name
	case i >= 0 && s.rules[i].Enabled != c.Automatic.Enabled:
		only := *s.rules[i]
		only.Enabled = c.Automatic.Enabled
		if same(&only, c.Automatic) && only.Enabled {
			return "Enabled rule " + name
		} else if same(&only, c.Automatic) {
			return "Disabled rule " + name
		}
	case i >= 0 && s.rules[i].Name != c.Automatic.Name:
		return "Renamed rule " + model.Clean(s.rules[i].Name) + " to " + name
	}
	return "Changed rule " + name
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
	return model.Number(n) + " " + word + "s"
}

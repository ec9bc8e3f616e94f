package command

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"fettle/model"
)

func proposalObject(p model.Proposal) object {
	return object{{key: "id", value: p.ID}, {key: "summary", value: p.Summary}, {key: "why", value: p.Why}, {key: "by", value: p.Actor.Who}, {key: "from", value: string(p.Actor.From)}, {key: "time", value: p.Time},
		{key: "kind", value: string(p.Change.Kind)}, {key: "remark", value: p.Change.Remark}, {key: "consent", value: fmt.Sprintf("fettle consent %d", p.ID)}, {key: "reject", value: fmt.Sprintf("fettle reject %d", p.ID)}}
}

func (a *app) pendingCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "pending",
		Short: "List changes that wait for the consent of a second person",
		Long: `List changes that wait for the consent of a second person. Nothing of them is in
force. Which changes need consent is said and set by fettle options.`,
		Args: between(0, 0, ""),
		RunE: a.held(gated, func(_ context.Context, h *host, _ []string) error {
			type row = model.Proposal
			now := h.store.Now()
			return a.writeList(list(a, h.store.Snapshot().Proposals(), []column[row]{
				{key: "id", title: "ID", aloud: "change", right: true, value: func(p row) any { return p.ID }},
				{key: "summary", title: "WHAT", give: true, value: func(p row) any { return p.Summary }},
				{key: "by", title: "BY", give: true, value: func(p row) any { return p.Actor.Who }},
				{key: "from", value: func(p row) any { return string(p.Actor.From) }},
				{key: "time", title: "SINCE", value: func(p row) any { return p.Time }, text: func(p row) string { return age(now, p.Time) }},
				{key: "why", title: "BECAUSE", give: true, rank: 1, value: func(p row) any { return p.Why }},
				{key: "remark", title: "REMARK", give: true, rank: 2, value: func(p row) any { return p.Change.Remark }},
				{key: "kind", value: func(p row) any { return string(p.Change.Kind) }},
			}), "Nothing waits for consent.")
		}),
	}
}

// proposal gives the proposal of a number.
func (a *app) proposal(h *host, word string) (model.Proposal, error) {
	id, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		return model.Proposal{}, misuse("%q is not the number of a change that waits; list them with: fettle pending", model.Clean(word))
	}
	for _, p := range h.store.Snapshot().Proposals() {
		if p.ID == id {
			return p, nil
		}
	}
	return model.Proposal{}, fmt.Errorf("no change %d waits for consent; list them with: fettle pending", id)
}

func (a *app) consentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "consent ID",
		Short: "Consent to a change that somebody else proposed: it is made",
		Long: `Consent to a change that somebody else proposed: it is checked anew and made. Its
journal entry names both persons. Nobody can consent to a change of their own.`,
		Args: between(1, 1, "the number of a change that waits"),
	}
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		if err := a.permit("The change was not made"); err != nil && !a.flags.plan {
			return err
		}
		p, err := a.proposal(h, args[0])
		if err != nil {
			return err
		}
		plan, err := h.store.Plan(ctx, p.Change, a.s.Actor)
		if err != nil {
			return err
		}
		plan.Lines = append([]string{fmt.Sprintf("Proposed by %s, %s: %s", p.Actor.Who, a.plain(p.Time), orNone(p.Change.Remark))}, plan.Lines...)
		if err := a.approvePlan(ctx, plan, preface{data: object{{key: "proposal", value: proposalObject(p)}}}); err != nil || a.flags.plan {
			return err
		}
		e, err := h.store.Consent(ctx, p.ID, a.actor(), *remark)
		if err != nil {
			return err
		}
		return a.made(e, func(model.Entry) object {
			return object{{key: "proposal", value: p.ID}, {key: "proposed_by", value: p.Actor.Who}}
		})
	})
	return cmd
}

func orNone(remark string) string {
	if remark == "" {
		return "without a remark"
	}
	return remark
}

func (a *app) rejectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reject ID",
		Short: "Refuse a change that waits for consent: it is not made",
		Long: `Refuse a change that waits for consent: it is not made, and the journal says who
refused it. Whoever proposed it may take it back in this way.`,
		Args: between(1, 1, "the number of a change that waits"),
	}
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		if err := a.permit("The change was not refused"); err != nil && !a.flags.plan {
			return err
		}
		p, err := a.proposal(h, args[0])
		if err != nil {
			return err
		}
		plan := model.Plan{Summary: fmt.Sprintf("Refuse change %d of %s: %s", p.ID, p.Actor.Who, p.Summary), Lines: []string{"Nothing of it is in force; it will not be made."}}
		if err := a.approvePlan(ctx, plan, preface{data: object{{key: "proposal", value: proposalObject(p)}}}); err != nil || a.flags.plan {
			return err
		}
		e, err := h.store.Reject(ctx, p.ID, a.actor(), *remark)
		if err != nil {
			return err
		}
		return a.made(e, func(model.Entry) object { return object{{key: "proposal", value: p.ID}} })
	})
	return cmd
}

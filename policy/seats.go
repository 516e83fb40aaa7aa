package policy

import "slices"

// Seats returns the requirements of an employer in which a vote would take a seat if it were the only one, whatever the
// order of the seats: what its voter may be asked for. The vote counts as a yes that is bound to the request, at its own
// time, in its voter's own right or under the hand-over or the grant it names; the hand-overs and revocations in
// Request.Approvals hold, and the votes there and in Request.Votes are not looked at.
//
// A request that could not be decided, or of an unknown employer, has none. The result is sorted. It costs
// [FoldApprovals] per requirement.
func (s *Set) Seats(r *Request, vote ApprovalEvent) []string {
	var q Query
	if q.bind(s.schema, r) != nil {
		return nil
	}
	doc := s.document(r.Employer)
	if doc == nil {
		return nil
	}
	alone := *r
	vote.ID, vote.Kind, vote.Binding, vote.Employer = " the vote", ApprovalGranted, r.Binding, r.Employer // no word has a blank
	alone.Votes, alone.Approvals = nil, append(handOvers(r.Approvals), vote)
	b := &bound{req: &alone, doc: doc, frame: q.frame, schema: q.schema}
	var list []string
	for _, a := range doc.approvals {
		one := a.Requirement
		one.Ordered = false
		if b.approval(&one).Have > 0 {
			list = append(list, one.ID)
		}
	}
	return list
}

// handOvers keeps the events that are no votes.
func handOvers(events []ApprovalEvent) []ApprovalEvent {
	return slices.DeleteFunc(slices.Clone(events), func(e ApprovalEvent) bool {
		return e.Kind == ApprovalGranted || e.Kind == ApprovalDenied
	})
}

package terms

// Clauses that all standard templates share, in the groups in which they
// appear.

func opening() []Clause {
	return []Clause{
		{"parties", "The two sides", `The Provider is the firm whose offer was matched; the Client is the firm whose need was matched. Both are named in the reveal on record. These terms are between the two firms. The people who do the work stay employed by their own firm, which directs and pays them. The terms begin when both firms have authorised the engagement and accepted the same text. They end when both mark the engagement as completed, or one ends it early.`},
	}
}

// weekly are the clauses of an engagement that is spread over weeks.
func weekly() []Clause {
	return []Clause{
		{"weeks", "Length", `The engagement is spread over {{weeks}} consecutive weeks. A week without work does not make it longer unless both sides agree.`},
		{"weekly-cap", "Cap of each week", `In each week, Monday to Sunday, at most {{per_week}} are used. What is not used in one week is not carried into the next.`},
	}
}

func payment() Clause {
	return Clause{"payment", "Payment", `The Provider sends one invoice after completion, or each month if the work takes longer, for the hours or quantity that both sides marked. The Client pays the Provider directly within 30 days. What is in dispute may be held back; the rest is paid in time.`}
}

func secrecy() []Clause {
	return []Clause{
		{"confidentiality", "Confidentiality", `What one side learns about the other, its people, parts, processes, prices and customers, and that the two work together, is used for this engagement only and told to nobody who does not need it for the work. This holds for 3 years after the end, and for trade secrets as long as they are secret. It does not cover what is public, was known before, or must be told by law; of the last the other side is told first, where that is allowed. At the end each side gives back or deletes what it received, apart from the records that the law asks it to keep.`},
	}
}

// loyalty protects both employers.
func loyalty() []Clause {
	return []Clause{
		{"non-solicitation", "No soliciting of staff", `During the engagement and for 12 months after it, neither side solicits a person of the other side who took part in it to leave that employer, or to do such work privately behind its back. Job advertisements for everybody, and what the person does without being asked, are free. With the written consent of the employer, this clause does not hold.`},
		{"conflict", "Conflict of interest", `Each side says before the start, and at once when it arises, if the person or the firm works for a competitor of the other side on the same subject, or has another interest that may weigh on the work. The other side may then end the engagement and pays for the time worked. A person who takes part in the work does not approve it for the employer.`},
	}
}

func closing() []Clause {
	return []Clause{
		{"dispute", "Disputes", `The two firms first talk: one manager each, within 10 working days. If that fails, they try mediation, and then the courts of the Provider's place, whose law applies. The record of the engagement may be used as evidence by either side. The market does not judge.`},
		{"custody", "No custody of money", `The market that brought the two sides together is no party to these terms. It keeps records of the steps. It never holds or moves money, employs nobody, and is not liable for the work.`},
		{"changes", "The whole agreement", `This text, with its parameters, is the whole agreement on the engagement, in place of a purchase order and of either side's general terms. It is identified by its digest. A change is a new text that both firms accept.`},
		{"nonce", "Random mark", `The text carries the random mark {{nonce}}, so that its digest gives nothing away to those who were not shown the text.`},
	}
}

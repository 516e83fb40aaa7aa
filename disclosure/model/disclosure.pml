/*
 * Double opt-in on a ledger: NREP replicas decide on a state that may be stale,
 * append by compare-and-swap, then answer and write a snapshot. Commands come
 * late, twice and out of order; a replica may crash after any append. What a
 * command may do in which phase, and what a reveal and an engagement need, is
 * table.pml, generated from the table that Decide runs.
 *
 * NREP replicas (2), NACT consents (4, or 2: the parties alone), MAXSEQ commands
 * per actor (2), REVIVALS (1). LIVE checks that every session ends, where an end
 * of the engagement was proposed (L1), PROGRESS that four undisturbed consents
 * reveal (L2), ANSWERED that what was accepted is answered (L3), OUTBOX that what
 * was published reaches a reader by cursor (L4), PEEK that whoever was read can
 * read.
 *
 * Mutants, each of which must fail: NOCAS, NOSEQ, VIEWSNAP, NOHOLD, LIVE with
 * NOCLOCK, PEEK with NOGRACE, ANSWERED with NOREPEAT, OUTBOX with EARLY. A quorum
 * is one consent here, a slot a step of the clock, and an opt-in outlives a
 * revival, as one may that names a late end. Work has no hours, only agreement on
 * them. Bundles and facilitators are not here; package explore walks them. run.sh
 * runs it all, and fails if a statement of a safety run was never reached.
 *
 * What keeps it small, and why nothing is lost by it:
 *  - A version is only ever compared with the one that a replica read, so a bit
 *    per replica, cleared by every append, says as much as a counter.
 *  - A command is written when a replica first looks at it. One written earlier
 *    and not looked at changes nothing but the assertion on S4, which it would
 *    only excuse: a newer command in flight.
 *  - What no guard, assertion or claim reads any more is set to zero: commands once
 *    a session is revealed, everything once it is closed, a replica's locals when
 *    it is idle, the snapshot wherever nobody reads one. Consents stay, since the
 *    engagement asks for the employers' again.
 *  - Steps that no other process can see the middle of are atomic: read and
 *    decide, append, answer. Only to opt-ins, refusals and votes does a promise
 *    speak of the answer (S4), so the others have no step of their own for it.
 */
#include "table.pml"
#ifndef NREP
#define NREP 2
#endif
#ifndef MAXSEQ
#define MAXSEQ 2
#endif
#ifndef NACT
#define NACT 4
#endif
#ifndef REVIVALS
#define REVIVALS 1
#endif
#define YES 1
#define NO 2

byte phase = P_SUMMARISED;           /* fold of the ledger */
bool fresh[NREP];                    /* nothing was appended since the replica read: all that a version is compared for */
bool cons[NACT];                     /* fold: consents in force */
byte lseq[NACT];                     /* fold: last sequence number per actor */
bool terms[2], viewed[2];            /* fold */
bool marked[2];                      /* fold: the same hours named */
bool closing, reviving;              /* fold: a withdrawal or a revival waits for its slot */
bool everRevealed;
byte revivals;
byte kind[NACT * MAXSEQ];            /* what the actors said */
byte issued[NACT], acked[NACT];      /* commands issued, answers received */
#ifdef VIEWSNAP
byte snap = P_SUMMARISED;            /* a snapshot: possibly late; nobody else reads one */
#endif
bool taken;                          /* the offer's stream: held by another session */
bool over;                           /* the grace window */

/* What the guards of the table mean here. */
#define G_binding_matches true
#define G_consent_in_time true
#define G_own_rules_allow true
#define G_choices_left true
#define G_not_the_person true
#define G_at_a_slot true
#define G_not_leaving (!closing)
#define G_nobody_leaves (!closing)
#define G_both_opted_in (cons[0] && cons[1])
#define G_opt_ins_valid true
#define G_no_denial_stands true
#define G_before_deadline (phase == P_SUMMARISED)
#define G_record_whole true
#define G_every_leg_ready true
#define G_revive_once (!reviving && revivals < REVIVALS)
#define G_before_hard_expiry true
#define G_terms_match true
#define G_start_once true
#define G_hours_positive true
#define G_same_hours (marked[0] && marked[1])
#define G_terms_by_both (terms[0] && terms[1])
#define G_stage_known true
#define G_was_revealed everRevealed
#define G_stage_reached everRevealed
#define G_not_erased true
/* A fair engine takes what waits; else it takes anything at any time, again and late. */
#if defined(PROGRESS) && NACT == 4
#define G_both_employers_authorise (cons[2] && cons[3])
#define WAITS(x) (lseq[x] < issued[x])
#define PICK if :: WAITS(0) -> a = 0 :: WAITS(1) -> a = 1 :: WAITS(2) -> a = 2 :: WAITS(3) -> a = 3 fi
#elif NACT == 4
#define G_both_employers_authorise (cons[2] && cons[3])
#define PICK if :: a = 0 :: a = 1 :: a = 2 :: a = 3 fi
#else
#define G_both_employers_authorise true
#define PICK if :: a = 0 :: a = 1 fi
#endif
#ifdef NOHOLD
#define G_hold_granted true
#else
#define G_hold_granted (!taken)
#endif
#ifdef NOGRACE
#define G_in_grace (phase != P_CLOSED)
#else
#define G_in_grace (!over)
#endif
#ifdef NOCAS
#define CASOK true
#define FITS(x) skip                 /* or they would fail before the promises do */
#else
#define CASOK fresh[me]
#define FITS(x) assert(x)            /* S12: what is appended still belongs into the phase */
#endif
#if NREP == 2
#define APPENDED fresh[0] = false; fresh[1] = false
#else
#define APPENDED fresh[0] = false
#endif
#ifdef OUTBOX
byte told, heard, missed;            /* published, delivered with the cursor saved, and passed over by it */
bool lost;                           /* a consumer has crashed between the two */
#define PUBLISHED told++
#else
#define PUBLISHED skip
#endif
#define SAYS(a, s) kind[(a) * MAXSEQ + (s) - 1]
#define MAYSAY(a, k) ((a) < 2 -> ((k) == YES -> WHEN_summarised_opt_in : WHEN_summarised_opt_out) : ((k) == YES -> WHEN_summarised_authorize : (WHEN_summarised_deny || WHEN_stale_deny)))
#define MAYVIEW (WHEN_revealed_view || WHEN_engaged_view || WHEN_started_view || WHEN_completed_view || WHEN_closed_view)
#define MAYLEAVE (WHEN_summarised_withdraw || WHEN_stale_withdraw)
#define MAYMARK (WHEN_engaged_mark_done || WHEN_started_mark_done)
#define MAYQUIT (WHEN_engaged_withdraw || WHEN_started_withdraw)
#define RESTS (phase == P_CLOSED || phase == P_COMPLETED)

inline issue(x) {
  if :: kind[(x) * MAXSEQ + issued[x]] = YES
#ifndef PROGRESS
     :: kind[(x) * MAXSEQ + issued[x]] = NO
#endif
  fi; issued[x]++ }

#ifdef PROGRESS
proctype Actors() {
  do :: atomic { phase == P_SUMMARISED && issued[0] < MAXSEQ -> issue(0) }
     :: atomic { phase == P_SUMMARISED && issued[1] < MAXSEQ -> issue(1) }
#if NACT == 4
     :: atomic { phase == P_SUMMARISED && issued[2] < MAXSEQ -> issue(2) }
     :: atomic { phase == P_SUMMARISED && issued[3] < MAXSEQ -> issue(3) }
#endif
     :: atomic { RESTS || phase == P_REVEALED -> break } od }
#endif

inline reveal() {
  assert(!everRevealed);                                              /* S5 */
  assert(G_both_opted_in && G_both_employers_authorise);              /* S1 */
  assert(phase == P_SUMMARISED && !closing);                          /* S1, S4, S12 */
  assert(!taken);                                                     /* no hold, no reveal */
  g = 0;
  do :: g < NACT ->                                                   /* S4 */
        if :: acked[g] > 0 && acked[g] == issued[g] -> assert(SAYS(g, acked[g]) == YES) :: else fi; g++
     :: else -> break od;
  everRevealed = true; phase = TO_IdentitiesRevealed; PUBLISHED; unsay(g)
}

inline agree() {
  assert(everRevealed && phase == P_REVEALED);
  assert(terms[0] && terms[1] && G_both_employers_authorise);         /* S15 */
  phase = TO_EngagementAgreed; terms[0] = false; terms[1] = false; PUBLISHED
}

/* What nobody reads any more is forgotten, or states would differ by it. */
inline unsay(i) {
#ifndef ANSWERED
  i = 0;
  do :: i < NACT -> lseq[i] = 0; issued[i] = 0; acked[i] = 0; i++ :: else -> break od;
  i = 0;
  do :: i < NACT * MAXSEQ -> kind[i] = 0; i++ :: else -> break od;
#endif
  i = 0
}

inline end(to, i) {
  phase = to; PUBLISHED; APPENDED; closing = false; reviving = false;
  terms[0] = false; terms[1] = false; marked[0] = false; marked[1] = false;
  i = 0;
  do :: i < NACT -> cons[i] = false; i++ :: else -> break od;
  unsay(i)
}

inline accept() {
  fresh[me] = true; op = 4;
  d_step { terms[a] = true; will = HAPPENS_EngagementAgreed; terms[a] = false };
  if :: will -> will = false :: true fi                              /* the hold may not be confirmed just now */
}

proctype Engine(byte me) {
  byte a, s, g, op; bool will;
idle: atomic { a = 0; s = 0; op = 0; will = false; fresh[me] = false;
  if
  :: phase == P_SUMMARISED || (NACT == 4 && phase == P_STALE) -> PICK;
     if :: phase == P_STALE && a < 2 -> goto idle :: else fi;                     /* parties have nothing to say then */
#if defined(PROGRESS)
     if :: issued[a] >= 1 -> s = 1
        :: issued[a] == 0 -> goto idle fi;
#else
     if :: s = 1
#if MAXSEQ > 1
        :: s = 2
#endif
     fi;
     do :: issued[a] < s -> issue(a) :: else -> break od;      /* what was not looked at could as well be said now */
#endif
#ifndef NOSEQ
     if :: s <= lseq[a] -> if :: s == lseq[a] && s > acked[a] -> acked[a] = s :: else fi; goto idle  /* a repeated receipt */
        :: else fi;
#endif
     if :: MAYSAY(a, SAYS(a, s)) -> d_step { fresh[me] = true; op = 1; g = cons[a]; cons[a] = (SAYS(a, s) == YES);
             will = (SAYS(a, s) == YES) && HAPPENS_IdentitiesRevealed; cons[a] = g; g = 0 }
        :: else -> goto idle fi
  :: WHEN_summarised_settle && HAPPENS_IdentitiesRevealed -> fresh[me] = true; op = 2
#ifdef VIEWSNAP
  :: snap == P_REVEALED -> will = MAYVIEW; op = 3
#else
  :: MAYVIEW && !viewed[0] -> a = 0; fresh[me] = true; will = true; op = 3
  :: MAYVIEW && !viewed[1] -> a = 1; fresh[me] = true; will = true; op = 3
#endif
  :: WHEN_revealed_accept_terms && !terms[0] -> a = 0; accept()
  :: WHEN_revealed_accept_terms && !terms[1] -> a = 1; accept()
  :: WHEN_revealed_settle && HAPPENS_EngagementAgreed -> fresh[me] = true; op = 8
  :: WHEN_engaged_start -> fresh[me] = true; op = 9
  :: MAYMARK && !marked[0] -> a = 0; fresh[me] = true; op = 10
  :: MAYMARK && !marked[1] -> a = 1; fresh[me] = true; op = 10
#ifndef PROGRESS
  :: MAYLEAVE -> fresh[me] = true; op = 5
  :: WHEN_revealed_withdraw -> fresh[me] = true; op = 6
  :: MAYQUIT -> fresh[me] = true; op = 11
#endif
  :: WHEN_stale_revive -> fresh[me] = true; op = 7
#ifdef PEEK
  :: RESTS && (!everRevealed || !MAYVIEW || (viewed[0] && viewed[1])) -> goto done
#else
  :: RESTS -> goto done
#endif
  fi };
  /* another replica may run here, so the decision may be stale; grace is judged at the command's own instant, which was then */
  atomic {
    if
#ifdef VIEWSNAP
    :: op == 3 -> assert(everRevealed && will); goto idle              /* S3 */
#else
    :: op == 3 && CASOK -> assert(everRevealed && will); viewed[a] = true; APPENDED; goto idle /* S1, S3 */
#endif
#ifdef NOHOLD
    :: op == 1 && CASOK -> cons[a] = (SAYS(a, s) == YES); lseq[a] = s; APPENDED;
#else
    :: op == 1 && CASOK && !(will && taken) -> cons[a] = (SAYS(a, s) == YES); lseq[a] = s; APPENDED;
#endif
       if :: will -> reveal() :: else fi
#ifdef NOHOLD
    :: op == 2 && CASOK -> APPENDED; reveal()
#else
    :: op == 2 && CASOK && !taken -> APPENDED; reveal()
#endif
    :: op == 4 && CASOK -> FITS(phase == P_REVEALED); terms[a] = true; APPENDED;
       if :: will -> agree() :: else fi
    :: op == 5 && CASOK -> FITS(!everRevealed && !RESTS); closing = true; APPENDED
    :: op == 6 && CASOK -> FITS(phase == P_REVEALED); end(TO_SessionClosed, g)
    :: op == 7 && CASOK -> FITS(phase == P_STALE); reviving = true; APPENDED
    :: op == 8 && CASOK -> APPENDED; agree()
    :: op == 9 && CASOK -> FITS(phase == P_ENGAGED); phase = TO_EngagementStarted; PUBLISHED; APPENDED
    :: op == 10 && CASOK -> FITS(phase == P_ENGAGED || phase == P_STARTED); marked[a] = true; APPENDED;
       if :: HAPPENS_EngagementCompleted -> end(TO_EngagementCompleted, g) :: else fi
    :: op == 11 && CASOK -> FITS(phase == P_ENGAGED || phase == P_STARTED); end(TO_EngagementTerminated, g)
    :: else -> goto idle                                              /* conflict: decide again */
    fi;
#ifdef VIEWSNAP
    will = false };
#else
    if :: op == 1 && (phase == P_SUMMARISED || phase == P_STALE) -> will = false
       :: else -> goto idle                                           /* an answer that nothing depends on */
    fi };
#endif
  /* appended: a crash loses the answer and the snapshot, never the event */
  atomic {
    if :: op == 1 && s > acked[a] && (phase == P_SUMMARISED || phase == P_STALE) -> acked[a] = s
#ifdef VIEWSNAP
       :: op != 1 && snap != phase -> snap = phase
#endif
       :: true
    fi; goto idle };
done: skip
}

#ifndef NOCLOCK
proctype Clock() {
  byte i;
  do :: atomic { closing && (phase == P_SUMMARISED || phase == P_STALE) -> end(CLOCK_summarised_SessionClosed, i) }
#ifndef PROGRESS
     :: atomic { phase == P_SUMMARISED && revivals < REVIVALS -> phase = CLOCK_summarised_SessionStaled; PUBLISHED; APPENDED }
     :: atomic { phase == P_SUMMARISED -> end(CLOCK_summarised_SessionClosed, i) }
     :: atomic { phase == P_STALE && reviving -> phase = CLOCK_stale_SessionRevived; reviving = false; revivals++; PUBLISHED; APPENDED }
     :: atomic { phase == P_STALE -> end(CLOCK_stale_SessionClosed, i) }
     :: atomic { phase == P_REVEALED -> end(CLOCK_revealed_SessionClosed, i) }
     :: atomic { phase == P_ENGAGED -> end(CLOCK_engaged_EngagementTerminated, i) }
     :: atomic { phase == P_STARTED -> end(CLOCK_started_EngagementTerminated, i) }
#endif
     :: atomic { RESTS -> break } od;
#ifndef PEEK
  over = true
#endif
}
#endif

/* Another session takes what is offered, and may give it back. */
#if !defined(LIVE) && !defined(PROGRESS) && !defined(PEEK)
active proctype Rival() {
  if :: atomic { !everRevealed -> taken = true }; if :: taken = false :: true fi
     :: true fi
}
#endif

/* Whoever gets no answer asks again, and may lose one more. The receipt of a repeated command is found in any phase. */
#ifdef ANSWERED
bool lost;
#ifdef NOREPEAT
#define FOUND (phase == P_SUMMARISED)
#else
#define FOUND true
#endif
proctype Client(byte x) {
  do :: atomic { acked[x] < lseq[x] && FOUND -> if :: acked[x] = lseq[x] :: !lost -> lost = true fi }
     :: atomic { RESTS && acked[x] == lseq[x] -> break } od
}
ltl answered { [] ((lseq[0] > 0 -> <> (acked[0] == lseq[0])) && (lseq[1] > 0 -> <> (acked[1] == lseq[1]))) }
#endif

/* Reads the log by a cursor: what is delivered before a crash is delivered again. */
#ifdef OUTBOX
proctype Outbox() {
  do :: atomic { heard + missed < told ->
                 if :: heard++
                    :: !lost -> lost = true;
#ifdef EARLY
                                missed++                              /* the cursor was saved before the delivery */
#endif
                 fi }
     :: atomic { RESTS && heard + missed == told -> break } od
}
ltl outbox { [] ((heard < told) -> <> (heard == told)) }
#endif

#ifdef LIVE
ltl live { <> RESTS }
#endif
#ifdef PROGRESS
ltl progress { <> (phase == P_REVEALED) }
#endif
#ifdef PEEK
ltl peek { [] ((viewed[0] || viewed[1]) -> <> (viewed[0] && viewed[1])) }
#endif

init { atomic { byte i = 0;
#ifdef PROGRESS
  run Actors();
#endif
#ifndef NOCLOCK
  run Clock();
#endif
#ifdef OUTBOX
  run Outbox();
#endif
#ifdef ANSWERED
  run Client(0); run Client(1);
#endif
  do :: i < NREP -> run Engine(i); i++ :: else -> break od } }

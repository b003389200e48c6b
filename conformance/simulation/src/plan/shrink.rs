//! Smaller plans that fail in the same way.

use super::{Plan, Step};

/// Runs that shrinking may take.
const RUNS: usize = 2_000;

/// A plan that still fails, with as few steps as could be found, and how many runs that took.
///
/// Chunks of steps are left out, halves first, single steps last, until nothing more can go. Other
/// steps keep their numbers and times, so they draw as before.
pub fn shrink(plan: &Plan, mut fails: impl FnMut(&Plan) -> bool) -> (Plan, usize) {
    let mut best = plan.clone();
    let mut runs = 0;
    let mut chunk = best.steps.len().div_ceil(2).max(1);
    loop {
        let mut went = false;
        let mut from = 0;
        while from < best.steps.len() && runs < RUNS {
            let candidate = without(&best, from, chunk);
            runs += 1;
            if fails(&candidate) {
                best = candidate;
                went = true;
            } else {
                from += chunk;
            }
        }
        if runs >= RUNS || (chunk == 1 && !went) {
            return (best, runs);
        }
        if !went {
            chunk = chunk.div_ceil(2);
        }
    }
}

fn without(plan: &Plan, from: usize, count: usize) -> Plan {
    let keep = |(index, step): (usize, &Step)| {
        let gone = index >= from && index < from.saturating_add(count);
        (!gone).then(|| step.clone())
    };
    Plan {
        steps: plan.steps.iter().enumerate().filter_map(keep).collect(),
        ..plan.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_two_steps_that_matter() {
        let plan = Plan::generate(3);
        let (first, last) = (plan.steps[4].number, plan.steps[17].number);
        let has = |plan: &Plan, number: u32| plan.steps.iter().any(|step| step.number == number);
        let (small, runs) = shrink(&plan, |plan| has(plan, first) && has(plan, last));
        let left: Vec<u32> = small.steps.iter().map(|step| step.number).collect();
        assert_eq!(left, [first, last]);
        assert!(runs < 200, "{runs}");
    }

    #[test]
    fn a_plan_that_fails_without_steps_ends_empty() {
        let (small, _) = shrink(&Plan::generate(1), |_| true);
        assert!(small.steps.is_empty());
    }
}

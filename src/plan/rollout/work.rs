use mprov_sdk::{Diagnostics, Impact};

use super::{Phase, Turn, address_of, adoption, combination, expand, read_only, refusals, rehearsal, turn};
use crate::plan::evaluator::ModuleId;
use crate::plan::model::{NodeIndex, Step};
use crate::plan::planner::Work;
use crate::plan::tree::TreeId;

impl Work {
    /// Decides which generation of the module this plan is about, in every calling instance, and
    /// makes its instance.
    pub fn expand_rollout(&mut self, tree: TreeId) -> Result<(), Diagnostics> {
        let Some((caller_tree, _)) = self.evaluator.tree.get(tree).caller.clone() else { return Ok(()) };
        for caller in self.evaluator.instances(caller_tree).to_vec() {
            let module = address_of(&self.evaluator, caller, tree);
            let stored = self.stored.rollouts.get(&module).cloned().unwrap_or_default();
            let plan = turn(
                &self.evaluator,
                caller,
                tree,
                &module,
                &stored,
                self.options.mode,
                self.options.rehearse.as_deref(),
            )?;
            expand(&mut self.evaluator, caller, tree, &plan, &stored);
            self.rollouts.plans.insert(module, plan);
        }
        Ok(())
    }

    /// Holds each cut-over against the rehearsals: how long it will take, and why it must not be.
    pub fn rehearsed(&mut self, steps: &mut [Step], joins: &[Vec<NodeIndex>]) -> Diagnostics {
        let mut found = Diagnostics::new();
        let modules: Vec<String> = self.rollouts.plans.keys().cloned().collect();
        for module in modules {
            let plan = self.rollouts.plans[&module].clone();
            let Some((instance, rehearse, span)) = self.evaluated(&module) else { continue };
            if let Some(refusal) = adoption(&plan, &self.stored, steps, span) {
                found.push(refusal);
            }
            if !matches!(plan.turn, Turn::CutOver { .. }) {
                continue;
            }
            let stored = &self.stored.rollouts[&module];
            let made = combination(&self.evaluator, instance, &rehearse);
            found.extend(refusals(&plan, stored, &made, rehearse.rehearse, span));
            let Some(rehearsal) = rehearsal(stored, &made) else { continue };
            let predicted = read_only(&plan, steps, joins, &rehearsal.durations);
            let generation = rehearsal.generation.clone();
            // Told once: at the first step that keeps users out.
            if let (Some(time), Some(first)) =
                (predicted, steps.iter_mut().find(|s| s.phase == Some(Phase::Quiesce)))
            {
                first.impact = first.impact.clone().join(&Impact::read_only(time));
            }
            let plan = self.rollouts.plans.get_mut(&module).expect("it was just there");
            plan.predicted = predicted;
            plan.rehearsed = Some(generation);
        }
        found
    }

    /// The instance of the generation that is evaluated, with the rollout block and the place of
    /// the call.
    fn evaluated(&self, module: &str) -> Option<(ModuleId, crate::config::RolloutBlock, mprov_sdk::Span)> {
        let tree = self.rollout_tree(module)?;
        let call = self.evaluator.tree.call(tree)?;
        let id = self.rollouts.plans[module].turn.evaluated()?;
        let path = format!("{module}[\"{id}\"]");
        let instances = self.evaluator.instances(tree);
        let instance =
            instances.iter().copied().find(|i| self.evaluator.modules[*i].path.to_string() == path)?;
        Some((instance, call.rollout.clone()?, call.span))
    }
}

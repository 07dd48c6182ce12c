"""The run's stage of in-silico mice: a trial in the context that the study names."""

from turncoat.errors import StudyError, did_you_mean
from turncoat.pipeline.run import Run
from turncoat.pipeline.stage import Stage
from turncoat.simulate.experiments import KOS, KOS_DAYS, THACKER, THACKER_DAYS
from turncoat.simulate.mouse import context_names
from turncoat.simulate.trial import parse_arms, trial
from turncoat.study import Study


def _run(run: Run) -> None:
    simulation = run.study.simulation
    context = str(simulation.context)
    if context not in context_names():
        raise StudyError(
            f"[simulation] context = '{context}' is unknown. "
            f"{did_you_mean(context, context_names())}"
        )
    metastatic = context != "thacker"
    days = KOS_DAYS if metastatic else THACKER_DAYS
    arms = simulation.arms or (KOS if metastatic else THACKER)
    found = trial(
        context,
        parse_arms(arms, end=days),
        simulation.mice,
        run.seed,
        days=days,
        threads=run.threads,
        progress=lambda done: run.progress.advance(
            min(done, simulation.mice), simulation.mice, f"{context} mice"
        ),
    )
    run.save("simulate", found)


def _facts(study: Study) -> dict[str, object]:
    simulation = study.simulation
    return {
        "context": simulation.context,
        "arms": list(simulation.arms),
        "mice": simulation.mice,
    }


def _skipped(study: Study) -> str:
    if study.simulation.context is None:
        return "the study names no tumour model: [simulation] context = 'thacker', 'kep' or '4t1'"
    return ""


STAGE = Stage(
    name="simulate",
    run=_run,
    version=1,
    title="Following virtual mice",
    parameters=_facts,
    skipped=_skipped,
)

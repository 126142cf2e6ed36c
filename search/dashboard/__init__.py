"""What Optuna's dashboard shows of a search: notes, attributes, artifacts and plots.

:mod:`search.dashboard.publishing` writes them to the study, from what the store has; the search
does so while it runs (:mod:`search.dashboard.background`), and `sedn dashboard` while it serves
(:mod:`search.dashboard.serving`). An artifact is made when it is opened
(:mod:`search.dashboard.artifacts`): no file is written for it.
"""

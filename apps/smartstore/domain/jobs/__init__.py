"""The stock jobs: each `step` is a pure function (state, events of one tick) → (state, outputs) for one store."""

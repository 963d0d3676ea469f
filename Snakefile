"""Which changes of the input does every unit of a CNN feel, and how strongly?"""


include: "workflow/Snakefile"


# What is included never changes it.
workflow.default_target = "all"

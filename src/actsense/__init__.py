"""Which changes of the input does every unit of a CNN feel, and how strongly?"""
